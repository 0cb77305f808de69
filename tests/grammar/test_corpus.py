"""The corpus in grammar/: what must compile, what must not and why, and what has one digest."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from invarlock.cli import main
from invarlock.data import data_folder
from invarlock.errors import CODES, EXIT_PASS, EXIT_USAGE
from invarlock.policy import PolicyFault, compile_policy
from invarlock.policy.decode import MAX_BYTES
from invarlock.policy.parse import MAX_TOKENS
from scripts import generate_corpus
from tests.grammar.sites import reached, sites
from tests.grammar.support import OF_COMMANDS, diagnostics_of

GRAMMAR = data_folder("grammar")
ACCEPT = sorted((GRAMMAR / "accept").glob("*.invar"))
REJECT = sorted((GRAMMAR / "reject").glob("*.invar"))
PAIRS = sorted((GRAMMAR / "digest").glob("*/*.a.invar"))
HEAD = 'invar 1\npolicy large "1"\ntask = causal_lm\n'
ROOT = (
    HEAD
    + f'include "part.invar" sha256:{"0" * 64} as part\n'
    + f'include "twin.invar" sha256:{"0" * 64} as twin\n'
    + "tier t refines part.t0 { require kl.mean <= 1 }\n"
)


def many_bars(shared: int, own: int) -> str:
    """A policy of 144 bars, each with ``shared`` gates of the top level and ``own`` of its tier."""
    top = "".join(f'require kl.mean on "{n}" <= 1\n' for n in range(shared))
    tier = "".join(f'require kl.p99 on "{n}" <= 1\n' for n in range(own))
    tiers = "".join(f"tier t{n} {{\n{tier}}}\n" for n in range(16))
    return HEAD + top + tiers + "".join(f"profile p{n} {{}}\n" for n in range(8))


# Too large to be kept as files: the policy, what it includes, and what is said.
LARGE = {
    "bytes": ("invar 1\n" + "#" * MAX_BYTES, "", "E115", "the file has 1048584 bytes, more than"),
    "words": ("invar 1\n" + "; " * MAX_TOKENS, "", "E101", f"more than {MAX_TOKENS} words"),
    "gates": (many_bars(250, 100), "", "E115", "the 144 bars have more than 10000 gates in all"),
    "words included": (ROOT, HEAD + ";" * 20_000, "E124", "more than 20000 words in all"),
    "gates included": (ROOT, many_bars(50, 1), "E124", "more than 10000 gates in all"),
}


def parts(part: str) -> dict[str, str]:
    """What a large policy includes: the same file by two names."""
    return {"part.invar": part, "twin.invar": part}


def test_golden_files_are_what_the_compiler_gives(capsys: pytest.CaptureFixture[str]) -> None:
    """Digests, IR and warnings of what compiles; codes, words and places of what does not."""
    assert generate_corpus.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_every_code_of_the_language_has_a_golden_file() -> None:
    language = {code for code in CODES if code.startswith("E1")} | {"E004"}
    golden = {found["code"] for found in _goldens()}
    assert golden == language - OF_COMMANDS


def test_every_diagnostic_of_the_compiler_has_a_golden_file() -> None:
    """Each place in the compiler that words a diagnostic is reached by a file of the corpus."""
    wanted = sites()

    def compile_all() -> None:
        for path in (*ACCEPT, *REJECT):
            generate_corpus.outcome(path)
        for source, part, _, _ in LARGE.values():
            diagnostics_of(source.encode(), "large.invar", parts(part))
        with pytest.raises(PolicyFault, match="this text has no folder"):
            compile_policy((GRAMMAR / "accept" / "include.invar").read_bytes(), filename="-")

    assert len(wanted) > 80
    left = wanted - reached(compile_all, wanted)
    assert sorted(left) == []


@pytest.mark.parametrize("path", REJECT, ids=lambda path: path.stem)
def test_a_rejected_file_says_what_its_name_says(path: Path) -> None:
    document = json.loads(path.with_suffix(".json").read_text("utf-8"))
    errors = [found for found in document["diagnostics"] if found["severity"] == "error"]
    assert path.name[:4] in {found["code"] for found in errors}
    for found in document["diagnostics"]:
        for line in (found["message"], found["hint"]):
            assert "\n" not in line
            assert not line.endswith(".")
            assert line[:1] == line[:1].lower()
        assert found["hint"] or found["code"] == "E108"
        _check_place(path.parent / found["file"], found["span"])
        if found["other"] is not None:
            _check_place(path.parent / found["other_file"], found["other"])


def _check_place(path: Path, span: dict[str, int]) -> None:
    rows = path.read_bytes().decode("utf-8", errors="replace").split("\n")
    start, end = (span["line"], span["column"]), (span["end_line"], span["end_column"])
    assert (1, 1) <= start <= end
    assert end[0] <= len(rows)
    assert end[1] <= len(rows[end[0] - 1]) + 1


@pytest.mark.parametrize("what", LARGE)
def test_what_is_too_large_is_an_error(what: str) -> None:
    source, part, code, message = LARGE[what]
    compiled, found = diagnostics_of(source.encode(), "large.invar", parts(part))
    assert compiled is None
    assert any(each.code == code and message in each.message for each in found)


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: f"{path.parent.name}-{path.stem[:-2]}")
def test_pairs_have_one_digest_or_two(path: Path) -> None:
    first, _ = generate_corpus.outcome(path)
    second, _ = generate_corpus.outcome(path.with_name(path.name.replace(".a.", ".b.")))
    assert first is not None
    assert second is not None
    assert first.source_digest != second.source_digest
    assert (first.ir.digest == second.ir.digest) == (path.parent.name == "same")


def test_the_pairs_are_many_and_whole() -> None:
    names = {path.name.replace(".b.", ".a.") for path in (GRAMMAR / "digest").glob("*/*.b.invar")}
    assert names == {path.name for path in PAIRS}
    counts = {kind: len(list(group)) for kind, group in itertools.groupby(PAIRS, _kind)}
    assert counts["same"] >= 10
    assert counts["differ"] >= 30


def _kind(path: Path) -> str:
    return path.parent.name


def test_the_command_agrees_with_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", *map(str, ACCEPT)]) == EXIT_PASS
    assert capsys.readouterr().out.count(": valid, ") == len(ACCEPT)
    assert main(["policy", "check", *map(str, REJECT)]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out.count(" error") == len(REJECT)
    assert "Traceback" not in err


def _goldens() -> Iterator[dict[str, str]]:
    for path in (*ACCEPT, *REJECT):
        document = json.loads(path.with_suffix(".json").read_text("utf-8"))
        yield from document.get("diagnostics", document.get("warnings"))
