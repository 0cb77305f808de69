"""Coverage-guided fuzzing for a minute; `make soak` runs 100,000 inputs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fuzz import invariants
from tests.fuzz.invariants import hold, hold_everything
from tests.policy.support import policy

SECONDS = 60


@pytest.mark.fuzz
def test_no_input_of_a_minute_breaks_compiler_or_formatter() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "fuzz_policy.py", "--seconds", str(SECONDS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 4,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    counted = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert counted is not None
    assert int(counted[1]) > 500


@pytest.mark.parametrize("part", ["_check_format", "lint", "fix", "_ROOT"])
def test_a_whole_input_is_formatted_linted_fixed_and_included(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the script calls for one input in four reaches ``part``: without it, it cannot go on."""
    source = policy().encode()
    hold_everything(source)
    monkeypatch.setattr(invariants, part, None)
    with pytest.raises((TypeError, AttributeError)):
        hold_everything(source)


def test_the_invariants_notice_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    source = policy().encode()
    assert hold(source) is not None
    monkeypatch.setattr(invariants, "MAX_SECONDS", 0.0)
    with pytest.raises(AssertionError, match=" s for "):
        hold(source)
