"""`policy docs -o` and `policy compile -o`: what they write replaces no policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.cli import main
from tests.policy.support import policy


@pytest.mark.parametrize("command", ["docs", "compile"])
def test_no_policy_is_replaced(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, other, linked = (tmp_path / name for name in ("p.txt", "other.INVAR", "linked"))
    for path in (source, other):
        path.write_text(policy())
    linked.hardlink_to(source)
    for out in (source, linked, other):
        assert main(["policy", command, str(source), "-o", str(out)]) == 2
        taken = capsys.readouterr()
        assert f"[INVARLOCK:E137] `{out}` is a policy" in taken.err
        assert taken.out == ""
        assert out.read_text() == policy()
    out = tmp_path / "out"
    out.write_text("what was written before")
    assert main(["policy", command, str(source), "-o", str(out)]) == 0
    assert "sample" in out.read_text()
