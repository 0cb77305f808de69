"""The simulation behind ``benchmarks/COVERAGE.md``, where one line is cheap."""

from __future__ import annotations

import pytest

from benchmarks.coverage.answers import ASKED, Asked, lines, simulate
from tests.conftest import ROOT


def test_answers_without_a_flip_pass_whatever_the_bound() -> None:
    """Of 40 items of which a hundredth is lost, 0.99**40 of all samples lose none: all pass."""
    few = simulate(Asked(bound=1, items=40, gained=0), trials=400, resamples=200)
    assert few.still == pytest.approx(0.99**40, abs=0.08)
    assert few.outcome.passed >= few.still
    assert not few.outcome.kept


def test_the_items_that_policies_ask_for_keep_the_error() -> None:
    asked = Asked(bound=2, items=200, gained=0)
    assert asked in ASKED
    enough = simulate(asked, trials=400, resamples=200)
    assert enough.outcome.kept
    assert enough.outcome.passed > 0
    (line,) = list(lines({asked: enough}))[1:]
    assert line.startswith("-2 pp    200")
    assert line.endswith("yes")


@pytest.mark.parametrize("bound", sorted({asked.bound for asked in ASKED}))
def test_bounds_are_those_of_the_policies(bound: int) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "policies").glob("*.invar")]
    assert any(f"require accuracy.delta    >= -{bound} pp" in text for text in texts)
