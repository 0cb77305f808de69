"""Exact arithmetic against other ways to the same number."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import NANO, NON_FINITE
from invarlock.evidence.layout import offsets
from invarlock.judge import exact

INT64 = st.integers(-(2**63), 2**63 - 1)


RUNS = st.lists(st.lists(INT64, min_size=1, max_size=4), max_size=5)
SMALL = st.lists(st.lists(st.integers(-NANO, NANO), min_size=1, max_size=4), max_size=5)


def flat(runs: list[list[int]]) -> tuple[Any, Any]:
    numbers = np.array([number for run in runs for number in run], dtype=np.int64)
    return numbers, offsets(np.array([len(run) for run in runs], dtype=np.int64))


@given(RUNS)
def test_sums_of_runs_never_overflow(runs: list[list[int]]) -> None:
    assert exact.run_sums(*flat(runs)) == [sum(run) for run in runs]


@given(st.one_of(RUNS, SMALL))
def test_squares_of_runs_never_overflow(runs: list[list[int]]) -> None:
    expected = [sum(number**2 for number in run) for run in runs]
    assert exact.run_squares(*flat(runs)) == expected


def test_squares_at_the_edge_of_int64() -> None:
    edge = 3_037_000_499
    runs = [[edge, -edge, edge], [edge]]
    assert edge**2 < 2**63 <= (edge + 1) ** 2
    assert exact.run_squares(*flat(runs)) == [3 * edge**2, edge**2]


def test_flagged_runs_are_seen() -> None:
    runs = [[1, 2, 3], [NON_FINITE], [NON_FINITE + 1, 0], [0, NON_FINITE]]
    assert exact.finite_runs(*flat(runs)) == [True, False, True, False]
    assert exact.finite_runs(*flat([])) == []


@pytest.mark.parametrize(
    ("value", "text", "is_exact"),
    [
        (Fraction(1, 2), "0.500000000", True),
        (Fraction(1, 3), "0.333333333", False),
        (Fraction(5, 10**10), "0.000000000", False),
        (Fraction(15, 10**10), "0.000000002", False),
        (Fraction(-25, 10**10), "-0.000000002", False),
        (Fraction(51, 10**11), "0.000000001", False),
    ],
)
def test_nano_rounds_half_even(value: Fraction, text: str, is_exact: bool) -> None:
    assert exact.nano(value) == (Decimal(text), is_exact)


@given(st.fractions(-20, 20, max_denominator=10**9))
def test_exp_agrees_with_libm(value: Fraction) -> None:
    found, is_exact = exact.exp(value)
    assert float(found) == pytest.approx(math.exp(value), rel=1e-12, abs=1e-9)
    assert is_exact == (value == 0)


def test_exp_is_exact_at_zero_and_bounded() -> None:
    assert exact.exp(Fraction(0)) == (Decimal(1), True)
    assert exact.exp(Fraction(10**30)) == exact.exp(Fraction(100))
    assert exact.exp(Fraction(-(10**30)))[0] == 0
    assert exact.exp(Fraction(100))[0] > Decimal(10) ** 43


def test_root() -> None:
    assert exact.root(Fraction(9, 4)) == (Decimal("1.5"), True)
    assert exact.root(Fraction(2)) == (Decimal("1.414213562"), False)
    assert exact.root(Fraction(0)) == (Decimal(0), True)


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=30),
    st.sampled_from([0, 1, 50, 90, 95, 99, 100]),
)
def test_percentile_is_numpys_linear(numbers: list[int], percent: int) -> None:
    found = exact.percentile(sorted(numbers), Fraction(percent, 100))
    expected = np.percentile(numbers, percent, method="linear")
    assert float(found) == pytest.approx(float(expected), rel=1e-12, abs=1e-9)


def test_percentile_of_floats_is_exact() -> None:
    assert exact.percentile([0.1, 0.3], Fraction(1, 2)) == (Fraction(0.1) + Fraction(0.3)) / 2
