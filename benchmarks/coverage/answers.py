"""Answers, right or wrong: how often a bar on ``accuracy.delta`` is passed falsely, by items.

Each trial draws items, one a document, of which so many are lost and so many gained that the true
difference lies on the bound, and asks the judge's own
:func:`invarlock.judge.bootstrap.intervals`. Where no answer flips there is no spread, and the
interval is the point 0: it passes, whatever the bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.coverage.shapes import BATCH, estimate_contract
from benchmarks.coverage.single import Outcome
from invarlock.judge.bootstrap import intervals


@dataclass(frozen=True)
class Asked:
    """A bound in percentage points below zero, how many items there are, and what share of them
    the subject gains, in percent; it loses as much more than that as the bound lets go."""

    bound: int
    items: int
    gained: int


ASKED: Final = tuple(
    Asked(bound, items, gained)
    for bound, items in ((5, 128), (3, 128), (3, 150), (2, 128), (2, 200), (1, 128), (1, 400))
    for gained in (0, 1)
)


@dataclass(frozen=True)
class Answered:
    """Both errors, and the share of the trials in which no answer flipped."""

    outcome: Outcome
    still: float


def simulate(asked: Asked, trials: int, resamples: int, seed: int = 1) -> Answered:
    """Judge ``trials`` evidences whose true difference lies on the bound."""
    rng = np.random.default_rng([seed, 3, asked.bound, asked.items, asked.gained])
    gained = asked.gained / 100
    lost = gained + asked.bound / 100
    passed = failed = still = 0
    for batch in range(trials // BATCH):
        drawn = rng.random((BATCH, asked.items))
        flips = (drawn >= 1 - gained).astype(np.int64) - (drawn < lost)
        still += int(np.count_nonzero(~flips.any(axis=1)))
        contract = estimate_contract(resamples, seed=batch)
        for limits in intervals(flips.tolist(), [1] * asked.items, contract):
            passed += limits.low is not None and 100 * limits.low >= -asked.bound
            failed += limits.high is not None and 100 * limits.high < -asked.bound
    done = trials // BATCH * BATCH
    return Answered(Outcome(passed / done, failed / done, done), still / done)


def lines(found: Mapping[Asked, Answered]) -> Iterator[str]:
    """A heading, and one line for each."""
    yield "bound  items  lost  gained  no flip  false pass    error  false fail  kept"
    for asked, one in found.items():
        outcome = one.outcome
        yield (
            f"-{asked.bound} pp  {asked.items:>5}  {asked.bound + asked.gained:>3}%"
            f"  {asked.gained:>5}%  {one.still:>7.2%}  {outcome.passed:>10.2%}"
            f"  {outcome.error:>7.2%}  {outcome.failed:>10.2%}  {'yes' if outcome.kept else 'NO'}"
        )
