"""Interval algebra against a brute-force oracle: membership on a grid finer than the ends."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from invarlock.policy.catalogue import MEASURES
from invarlock.policy.intervals import (
    at_least_as_strict,
    describe,
    describe_relation,
    intersect,
    intersect_intervals,
    interval_of,
    is_empty,
    is_subset,
    is_vacuous,
    reach,
)
from invarlock.policy.ir import Gate, Interval, Member

ENDS = [Decimal(n) / 2 for n in range(-4, 5)]
# Every end, every midpoint between ends, and points beyond: decides any relation between
# intervals whose ends are in ENDS.
GRID = [Decimal(n) / 4 for n in range(-12, 13)]

intervals = st.builds(
    interval_of,
    st.none() | st.sampled_from(ENDS),
    st.none() | st.sampled_from(ENDS),
    low_closed=st.booleans(),
    high_closed=st.booleans(),
)


def inside(interval: Interval) -> set[Decimal]:
    return {point for point in GRID if interval.contains(point)}


@given(intervals)
def test_emptiness(a: Interval) -> None:
    assert is_empty(a) == (not inside(a))


@given(intervals, intervals)
def test_intersection(a: Interval, b: Interval) -> None:
    assert inside(intersect_intervals(a, b)) == inside(a) & inside(b)
    assert intersect_intervals(a, b) == intersect_intervals(b, a)


@given(intervals, intervals)
def test_inclusion(a: Interval, b: Interval) -> None:
    assert is_subset(a, b) == (inside(a) <= inside(b))


@given(intervals, intervals)
def test_strictness_on_counts_is_inclusion_of_whole_numbers(a: Interval, b: Interval) -> None:
    whole = [Decimal(n) for n in range(4)]
    expected = {n for n in whole if a.contains(n)} <= {n for n in whole if b.contains(n)}
    assert at_least_as_strict(a, b, MEASURES["windows.final"]) == expected


@given(intervals, intervals)
def test_strictness_on_a_share_looks_between_zero_and_one_only(a: Interval, b: Interval) -> None:
    share = [point for point in GRID if 0 <= point <= 1]
    expected = {n for n in share if a.contains(n)} <= {n for n in share if b.contains(n)}
    measure = MEASURES["top1.agreement"]
    assert at_least_as_strict(a, b, measure) == expected
    assert is_vacuous(b, measure) == all(b.contains(n) for n in share)
    assert is_empty(reach(a, measure)) == (not any(a.contains(n) for n in share))


members = st.sets(st.sampled_from("abcd"), min_size=1).map(
    lambda words: Member(values=tuple(sorted(words)))
)


@given(members, members)
def test_sets_of_words(a: Member, b: Member) -> None:
    measure = MEASURES["runtime.isolation"]
    assert at_least_as_strict(a, b, measure) == (set(a.values) <= set(b.values))
    both = intersect(a, b)
    found = set(both.values) if isinstance(both, Member) else set()
    assert set(a.values) & set(b.values) == found


def test_words_and_numbers_do_not_compare() -> None:
    numbers, words = Interval(), Member(values=("a",))
    assert intersect(numbers, words) is None
    assert not at_least_as_strict(words, numbers, MEASURES["kl.mean"])


def test_ends_of_many_digits_stay_exact() -> None:
    above = Decimal("1." + "0" * 38 + "1")
    a, b = interval_of(None, above), interval_of(None, Decimal(1))
    assert a.high == str(above)
    assert is_subset(b, a)
    assert not is_subset(a, b)


def test_descriptions() -> None:
    one, two = Decimal(1), Decimal("2.50")
    cases = {
        "<= 2.5": interval_of(None, two),
        "< 2.5": interval_of(None, two, high_closed=False),
        ">= 1": interval_of(one, None),
        "> 1": interval_of(one, None, low_closed=False),
        "== 1": interval_of(one, one),
        "in [1, 2.5]": interval_of(one, two),
        "in (1, 2.5)": interval_of(one, two, low_closed=False, high_closed=False),
        "unbounded": interval_of(None, None),
    }
    for text, interval in cases.items():
        assert describe(interval) == text
    gate = Gate(
        measure="runtime.isolation", level="require", relation=Member(values=("host", "sandbox"))
    )
    assert describe_relation(gate) == "in {host, sandbox}"
