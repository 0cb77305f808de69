"""References to bars, and reading files."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.policy import PolicyReference, load_policy, parse_reference, read_source
from invarlock.policy.decode import MAX_BYTES
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
