"""Accuracy, flips and McNemar's test, against other ways to the same numbers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import NANO, NON_FINITE
from invarlock.judge import Key, Values, contract_of, decide, estimate
from invarlock.judge.answers import mcnemar
from tests.builders import at_least, at_most
from tests.judge.choices import choice_bar, choices

MEASURES = (
    "accuracy.delta",
    "accuracy.recovery",
    "accuracy.mcnemar",
    "flips.rate",
    "flips.lost",
    "flips.gained",
)
DRAW = np.random.default_rng(3)
BASELINE = (DRAW.random(200) < 0.7).tolist()
SUBJECT = [bool(b) if DRAW.random() < 0.9 else not b for b in BASELINE]


def point(values: Values, measure: str) -> Decimal:
    value = values.get(Key(measure))
    assert value.point is not None, value
    return value.point


def test_points_by_counting() -> None:
    values = estimate(*choices(BASELINE, SUBJECT))
    lost = sum(b and not s for b, s in zip(BASELINE, SUBJECT, strict=True))
    gained = sum(s and not b for b, s in zip(BASELINE, SUBJECT, strict=True))
    assert lost > gained > 0
    before, after = sum(BASELINE), sum(SUBJECT)
    assert point(values, "accuracy.delta") == Decimal(after - before) / 2
    assert float(point(values, "accuracy.recovery")) == pytest.approx(after / before, abs=1e-9)
    assert float(point(values, "flips.rate")) == pytest.approx((lost + gained) / 200)
    assert float(point(values, "flips.lost")) == pytest.approx(lost / 200)
    assert float(point(values, "flips.gained")) == pytest.approx(gained / 200)
    for measure in MEASURES:
        value = values.get(Key(measure))
        if measure != "accuracy.mcnemar":
            assert value.low is not None
            assert value.high is not None
            assert value.low < point(values, measure) < value.high


def test_measures_of_tokens_are_not_given() -> None:
    values = estimate(*choices(BASELINE, SUBJECT))
    for measure in ("perplexity.ratio", "kl.mean", "top1.agreement", "windows.tokens"):
        assert values.get(Key(measure)).status == "missing"


def test_identical_answers_rest_exactly_at_the_null() -> None:
    values = estimate(*choices(BASELINE, BASELINE))
    nulls = {"accuracy.recovery": 1, "accuracy.mcnemar": 1}
    for measure in MEASURES:
        value = values.get(Key(measure))
        assert (value.status, value.point, value.exact) == ("ok", nulls.get(measure, 0), True)
        if measure != "accuracy.mcnemar":
            assert value.low == value.high == value.point


def test_the_recoverys_interval_is_that_of_resampled_ratios() -> None:
    """The residuals' interval, against ratios of plainly resampled items."""
    values = estimate(*choices(BASELINE, SUBJECT))
    found = values.get(Key("accuracy.recovery"))
    draw = np.random.default_rng(0).integers(0, 200, (4000, 200))
    ratios = np.array(SUBJECT)[draw].sum(axis=1) / np.array(BASELINE)[draw].sum(axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    assert found.low is not None
    assert found.high is not None
    assert float(found.low) == pytest.approx(low, abs=0.015)
    assert float(found.high) == pytest.approx(high, abs=0.015)


def test_a_baseline_that_is_never_right_has_no_recovery() -> None:
    values = estimate(*choices([False] * 40, [True] * 20 + [False] * 20))
    value = values.get(Key("accuracy.recovery"))
    assert value.status == "missing"
    assert "undefined" in value.reason
    bar = choice_bar(at_least("accuracy.recovery", "0"))
    assert decide(bar, values).verdict == "incomplete"
    assert point(values, "accuracy.delta") == 50


def test_one_non_finite_choice_takes_every_measure_away() -> None:
    evidence, contract = choices(BASELINE, SUBJECT)
    loss = evidence.loss.copy()
    loss[5] = NON_FINITE
    values = estimate(replace(evidence, loss=loss), contract)
    for measure in MEASURES:
        assert values.get(Key(measure)).status == "non_finite"


def test_bytes_decide_where_the_contract_says_so() -> None:
    """Choice 0 is likelier, choice 1 is longer and likelier by the byte."""
    evidence, contract = choices([True] * 40, [True] * 40)
    row = np.array([4 * NANO, 5 * NANO, 9 * NANO, 9 * NANO], dtype=np.int64)
    windows = tuple(
        window.model_copy(update={"answer": 1, "sizes": (4, 8, 4, 4)})
        for window in evidence.windows
    )
    case = replace(evidence, windows=windows, baseline_loss=np.tile(row, 40), loss=np.tile(row, 40))
    by_bytes = contract.estimate.model_copy(update={"normalise": "bytes"})
    for estimated, right in ((contract.estimate, False), (by_bytes, True)):
        values = estimate(case, contract.model_copy(update={"estimate": estimated}))
        status = values.get(Key("accuracy.recovery")).status
        assert status == ("ok" if right else "missing")


def test_the_setting_reaches_the_contract() -> None:
    assert contract_of(choice_bar(estimate__normalise="bytes")).estimate.normalise == "bytes"
    assert contract_of(choice_bar()).estimate.normalise == "none"


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_by_binomial_tails(lost: int, gained: int) -> None:
    draws = lost + gained
    tail = sum(comb(draws, k) for k in range(min(lost, gained) + 1))
    assert mcnemar(lost, gained) == min(Fraction(1), Fraction(2 * tail, 2**draws))
    assert mcnemar(lost, gained) == mcnemar(gained, lost)


@pytest.mark.parametrize(
    ("lost", "gained", "p"), [(0, 0, 1.0), (5, 0, 0.0625), (12, 3, 0.03515625), (7, 7, 1.0)]
)
def test_mcnemar_of_known_tables(lost: int, gained: int, p: float) -> None:
    """As scipy's ``binomtest(lost, lost + gained)`` gives them."""
    assert float(mcnemar(lost, gained)) == p


def test_gates_decide_by_the_interval() -> None:
    values = estimate(*choices(BASELINE, SUBJECT))
    wide, narrow = at_least("accuracy.delta", "-20"), at_least("accuracy.delta", "5")
    assert decide(choice_bar(wide), values).verdict == "pass"
    assert decide(choice_bar(narrow), values).verdict == "fail"
    near = at_least("accuracy.delta", str(point(values, "accuracy.delta") - 1))
    assert decide(choice_bar(near), values).verdict == "inconclusive"
    assert decide(choice_bar(at_most("flips.lost", "0.5")), values).verdict == "pass"
