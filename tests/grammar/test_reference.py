"""The language reference: its examples compile, and what is generated in it is current."""

from __future__ import annotations

import re

import pytest

from invarlock.data import data_folder
from scripts import generate_reference
from tests.grammar.support import diagnostics_of

TEXT = (data_folder("grammar") / "REFERENCE.md").read_text("utf-8")
BLOCKS = re.findall(r"^```invar ?(\S*) ?(\S*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
FILES = {name: source for kind, name, source in BLOCKS if kind == "file"}
HEAD = 'invar 1\npolicy part "1.0.0"\ntask = causal_lm\n'
TIER = "tier whole { require perplexity.ratio <= 1.10 }\n"


def _whole(kind: str, source: str) -> str:
    """An example as a policy: a part gets the head, and a tier where it has none."""
    if kind != "part":
        return source
    return HEAD + source + ("" if re.search(r"^tier ", source, re.MULTILINE) else TIER)


def test_what_is_generated_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_reference.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_example_compiles(number: int) -> None:
    kind, _, source = BLOCKS[number]
    assert kind in {"", "part", "file", "example"}
    compiled, found = diagnostics_of(_whole(kind, source).encode(), "reference.invar", FILES)
    assert compiled is not None, "\n".join(map(str, found))


def test_the_reference_names_every_construct_and_limit() -> None:
    for word in ("tier", "profile", "signer", "include", "test", "given", "expect", "refines"):
        assert re.search(rf"`[^`]*\b{word}\b", TEXT), word
    assert len(BLOCKS) >= 8
