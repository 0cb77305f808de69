"""References to bars, reading files, and the reference document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.policy import PolicyReference, load_policy, parse_reference, read_source
from invarlock.policy.compile import MAX_BYTES
from tests.conftest import ROOT
from tests.policy.support import policy


def test_forms_of_a_reference() -> None:
    assert parse_reference("a/b.invar") == PolicyReference(Path("a/b.invar"))
    assert parse_reference("b#t") == PolicyReference(Path("b"), "t")
    assert parse_reference("b#t_1+p2") == PolicyReference(Path("b"), "t_1", "p2")
    assert parse_reference("x#y#t") == PolicyReference(Path("x#y"), "t")


@pytest.mark.parametrize("text", ["", "#t", "f#", "f#+p", "f#t+", "f#t+p+q", "f#T", "f#t p"])
def test_malformed_references(text: str) -> None:
    with pytest.raises(UsageFault) as caught:
        parse_reference(text)
    assert caught.value.code == "E701"


def test_reading(tmp_path: Path) -> None:
    good = tmp_path / "p.invar"
    good.write_text(policy())
    assert load_policy(good).name == "sample"
    with pytest.raises(EnvironmentFault) as absent:
        read_source(tmp_path / "absent")
    assert absent.value.code == "E601"
    with pytest.raises(EnvironmentFault) as under_a_file:
        read_source(good / "absent")
    assert under_a_file.value.code == "E601"
    with pytest.raises(UsageFault) as folder:
        read_source(tmp_path)
    assert folder.value.code == "E115"
    good.write_bytes(b"#" * (MAX_BYTES * 2))
    assert len(read_source(good)) == MAX_BYTES + 1


def test_tables_of_the_reference_are_those_of_the_catalogue() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_reference.py", "--check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_examples_of_the_reference_compile() -> None:
    text = (ROOT / "grammar" / "REFERENCE.md").read_text("utf-8")
    blocks = [block.split("```")[0] for block in text.split("```\n")[1:]]
    examples = [block for block in blocks if block.startswith("invar 1")]
    assert len(examples) == 1
    from tests.policy.support import compiled

    assert compiled(examples[0]).name == "my_release"
