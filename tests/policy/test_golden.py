"""The digests of the shipped bars are published: a change that moves one is not made unseen."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "generate_digests.py"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Script and policies somewhere else, to be changed."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "scripts" / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    for path in (ROOT / "policies").iterdir():
        (tmp_path / "policies" / path.name).write_bytes(path.read_bytes())
    return tmp_path


def check(root: Path) -> subprocess.CompletedProcess[str]:
    script = root / "scripts" / SCRIPT.name
    return subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )


def test_the_published_digests_are_found_again() -> None:
    done = check(ROOT)
    assert done.stdout == ""
    assert done.returncode == 0


def test_a_digest_that_moved_is_named(copy: Path) -> None:
    policy = copy / "policies" / "causal_lm.invar"
    text = policy.read_text("utf-8")
    policy.write_text(text.replace("# How a bar decides.", "# How bars decide."), "utf-8")
    assert check(copy).returncode == 0
    moved = re.sub(r"(perplexity\.ratio +<=) 1\.05", r"\1 1.04", text)
    assert moved != text
    policy.write_text(moved, "utf-8")
    done = check(copy)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        "causal_lm.invar#conservative",
        "causal_lm.invar#conservative+ci",
        "causal_lm.invar#conservative+dev",
        "causal_lm.invar#conservative+release",
        "causal_lm.invar as a whole",
    ]
