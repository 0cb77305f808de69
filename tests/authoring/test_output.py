"""`policy docs -o` and `policy compile -o`: what they write replaces no policy."""

from __future__ import annotations

import os
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


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    source, pipe = tmp_path / "p.invar", tmp_path / "pipe"
    source.write_text(policy())
    os.mkfifo(pipe)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        assert main(["policy", "docs", str(source), "-o", str(pipe)]) == 0
        assert b"sample" in reader.read()
    assert pipe.is_fifo()
