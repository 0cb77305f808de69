"""A reader that goes away changes no exit code and causes no traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["policy", "check", "policies/causal_lm.invar"], 0),
        (["policy", "digest", "none.invar"], 6),
        (["policy", "digest", "none.invar", "--format", "json"], 6),
    ],
)
@pytest.mark.parametrize("closed", [True, False])
def test_exit_codes_outlive_the_reader(args: list[str], code: int, closed: bool) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "invarlock", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    if closed:
        child.stdout.close()
        said = child.stderr.read()
        child.stderr.close()
        child.wait()
    else:
        _, said = child.communicate()
    assert child.returncode == code
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said
