"""Limits of several looks, against published tables and by what they must add up to."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from invarlock.evidence.looks import STEP, look_ends, too_few_for
from invarlock.judge.spending import Spending, critical_values, spent
from invarlock.measure.job import BATCH

FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
PUBLISHED: dict[Spending, tuple[float, ...]] = {
    # Two-sided 5%, five equal looks, as the program of Reboussin, DeMets, Kim and Lan (2000)
    # prints them for the two spending functions.
    "obrien_fleming": (4.8769, 3.3569, 2.6803, 2.2898, 2.0310),
    "pocock": (2.4380, 2.4268, 2.4101, 2.3966, 2.3859),
}
SPENDINGS: tuple[Spending, ...] = ("obrien_fleming", "pocock")


@pytest.mark.parametrize("spending", SPENDINGS)
def test_five_looks_are_those_of_the_published_tables(spending: Spending) -> None:
    assert critical_values(spending, 0.025, FIFTHS) == pytest.approx(PUBLISHED[spending], abs=2e-4)


@pytest.mark.parametrize("spending", SPENDINGS)
def test_a_single_look_spends_all(spending: Spending) -> None:
    assert spent(spending, 0.025, 1) == pytest.approx(0.025, rel=1e-12)
    assert critical_values(spending, 0.025, [1.0]) == (1.959964,)


@pytest.mark.parametrize("spending", SPENDINGS)
def test_earlier_limits_do_not_depend_on_later_looks(spending: Spending) -> None:
    whole = critical_values(spending, 0.025, FIFTHS)
    assert critical_values(spending, 0.025, FIFTHS[:3]) == whole[:3]


@pytest.mark.parametrize("spending", SPENDINGS)
@pytest.mark.parametrize("shares", [(0.5, 1.0), (0.1, 0.2, 0.9, 1.0), (0.32, 0.64, 1.0)])
def test_random_walks_cross_as_often_as_was_spent(
    spending: Spending, shares: tuple[float, ...]
) -> None:
    """By another way: the walks themselves. The control crosses too often."""
    rng = np.random.default_rng(11)
    steps = np.sqrt(np.diff([0, *shares]))
    walks = np.cumsum(rng.normal(size=(400_000, len(shares))) * steps, axis=1) / np.sqrt(shares)
    crossed = (walks > critical_values(spending, 0.025, shares)).any(axis=1).mean()
    assert crossed == pytest.approx(0.025, abs=4 * math.sqrt(0.025 * 0.975 / 400_000))
    assert (walks > NormalDist().inv_cdf(0.975)).any(axis=1).mean() > 0.03


def test_looks_come_after_whole_batches_and_the_last_after_all() -> None:
    assert STEP % BATCH == 0
    assert look_ends(400, 4) == (104, 200, 304, 400)
    assert look_ends(50, 2) == (32, 50)
    assert look_ends(7, 1) == (7,)


@pytest.mark.parametrize(
    ("final", "looks", "few"),
    [(32, 4, False), (31, 4, False), (24, 4, True), (8, 2, True), (17, 2, False), (1, 1, False)],
)
def test_two_looks_never_see_the_same(final: int, looks: int, few: bool) -> None:
    assert too_few_for(final, looks) is few
