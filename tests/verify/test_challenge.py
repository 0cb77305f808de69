"""Which windows are challenged, and how often a forger is missed."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest

from invarlock.errors import UsageFault
from invarlock.verify.challenge import (
    DEFAULT_SHARE,
    RARELY,
    chance_missed,
    drawn,
    parse_share,
    rarely_missed,
)

POPULATION = range(8, 48)


@pytest.mark.parametrize(
    ("text", "count"),
    [("all", 40), ("100%", 40), ("25%", 10), ("1%", 1), ("0.5%", 1), ("7", 7), ("900", 40)],
)
def test_shares_are_rounded_up_and_end_with_all(text: str, count: int) -> None:
    assert parse_share(text).of(40) == count


def test_a_quarter_is_challenged_where_nobody_says() -> None:
    assert parse_share("25%") == DEFAULT_SHARE


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-3", "none", "", "1.5", "ALL", "10 %"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageFault, match="is no share of windows") as caught:
        parse_share(text)
    assert caught.value.code == "E701"


def test_a_seed_draws_the_same_windows_every_time_and_others_draw_others() -> None:
    one = drawn(b"\x01" * 32, POPULATION, 10)
    assert one == drawn(b"\x01" * 32, POPULATION, 10)
    assert one == tuple(sorted(one))
    assert set(one) < set(POPULATION)
    assert len(set(one)) == 10
    assert one != drawn(b"\x02" * 32, POPULATION, 10)
    assert drawn(b"\x01" * 32, POPULATION, 40) == tuple(POPULATION)


@pytest.mark.parametrize(("count", "changed"), [(10, 1), (10, 3), (10, 8), (1, 1), (3, 20)])
def test_a_forger_is_missed_as_often_as_is_said(count: int, changed: int) -> None:
    """Over two thousand seeds; four standard deviations."""
    forged = set(list(POPULATION)[5 : 5 + changed])
    seeds = [number.to_bytes(32, "big") for number in range(2000)]
    missed = sum(forged.isdisjoint(drawn(seed, POPULATION, count)) for seed in seeds)
    chance = float(chance_missed(len(POPULATION), count, changed))
    assert abs(missed / 2000 - chance) <= 4 * (chance * (1 - chance) / 2000) ** 0.5


def test_the_odds_are_those_of_counting() -> None:
    draws = list(combinations(range(7), 3))
    missed = sum({0, 1}.isdisjoint(draw) for draw in draws)
    assert chance_missed(7, 3, 2) == Fraction(missed, len(draws))
    assert chance_missed(7, 6, 2) == 0
    assert chance_missed(7, 3, 0) == 1


@pytest.mark.parametrize(
    ("population", "challenged"),
    [(216, 54), (38, 4), (38, 37), (1, 1), (9, 1), (1_000_000, 250_000)],
)
def test_how_many_are_rarely_missed(population: int, challenged: int) -> None:
    changed = rarely_missed(population, challenged)
    assert chance_missed(population, challenged, changed) <= RARELY
    assert chance_missed(population, challenged, changed - 1) > RARELY
