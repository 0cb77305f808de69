"""BCa against scipy's, on 200 random evidences, and at the edges."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from invarlock.canonical import NANO
from invarlock.evidence.schema import EstimateContract
from invarlock.judge import Key, contract_of, estimate
from invarlock.judge.bootstrap import _expanded, _quantile, intervals
from tests.builders import Synthetic, at_least, edited, make_bar

RESAMPLES = 1_200


def _contract(**changes: Any) -> EstimateContract:
    whole = contract_of(make_bar()).estimate
    return whole.model_copy(update={"resamples": RESAMPLES, **changes})


def _random_evidence(seed: int) -> Synthetic:
    """Evidence whose documents differ, in level and in number of windows."""
    rng = np.random.default_rng(seed)
    documents = int(rng.integers(10, 40))
    bar = make_bar(at_least("estimate.resamples", str(RESAMPLES)), final=2 * documents, preview=1)
    case = Synthetic(bar=bar, documents=documents, per_document=3, seed=seed)
    columns = edited(case.rows, seed, worse=float(rng.normal(0, 0.05)), noise=0.05)
    skewed = rng.gamma(0.5, 0.1, case.windows)
    level = np.repeat((skewed * NANO).round().astype(np.int64), case.scored)
    return case.with_column("loss", columns["loss"] + level)


def _by_document(case: Synthetic) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sums of Δℓ in 1e-9 nats and tokens by document, by another way than the judge's."""
    evidence = case.evidence()
    rows = (evidence.loss - evidence.baseline_loss).reshape(-1, case.scored)
    sums: dict[str, int] = {}
    tokens: dict[str, int] = {}
    for window, row in zip(evidence.windows, rows, strict=True):
        if window.phase == "final":
            sums[window.document] = sums.get(window.document, 0) + sum(row.tolist())
            tokens[window.document] = tokens.get(window.document, 0) + len(row)
    order = sorted(sums)
    return np.array([sums[d] for d in order]), np.array([tokens[d] for d in order])


class _Ours(np.random.Generator):
    """Hands scipy the judge's own resamples."""

    def __init__(self, units: int) -> None:
        super().__init__(np.random.PCG64(7))
        raw = np.random.PCG64(7).random_raw(RESAMPLES * units) % np.uint64(units)
        self._drawn = raw.astype(np.int64).reshape(RESAMPLES, units)

    def integers(self, *_: Any, **__: Any) -> Any:
        return self._drawn


def _scipys(
    case: tuple[NDArray[np.int64], NDArray[np.int64]],
    rng: Callable[[], np.random.Generator],
    resamples: int = RESAMPLES,
) -> NDArray[np.float64]:
    """Both ends in nats: scipy's BCa of the documents and one more of average size, as extreme as
    any on that side, at the confidence whose normal quantile is Student's, expanded."""
    sums, tokens = case
    n = len(sums)
    expanded = stats.t.ppf(0.975, n) * math.sqrt((n + 1) / n)
    size = round(tokens.sum() / n)
    ends = []
    for side, worst in (("low", min(sums / tokens)), ("high", max(sums / tokens))):
        found = stats.bootstrap(
            (np.append(sums, round(worst * size)), np.append(tokens, size)),
            lambda s, t, axis: s.sum(axis=axis) / t.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=resamples,
            confidence_level=1 - 2 * stats.norm.sf(expanded),
            method="BCa",
            rng=rng(),
        ).confidence_interval
        ends.append(getattr(found, side))
    return np.array(ends) / NANO


def test_200_random_evidences_give_scipys_interval_and_the_closed_form() -> None:
    """Fed the same resamples, scipy's interval is ours to the error of Student's expansion. Left
    to draw its own, it strays from a long run of itself no less than ours does: what differs is
    Monte-Carlo error."""
    ours, theirs = [], []
    for seed in range(200):
        case = _random_evidence(seed)
        value = estimate(case.evidence(), contract_of(case.bar)).get(Key("perplexity.ratio"))
        sums, tokens = _by_document(case)
        assert value.point is not None
        closed_form = math.exp(math.fsum(sums / NANO) / math.fsum(tokens))
        assert float(value.point) == pytest.approx(closed_form, rel=0, abs=1e-9)
        assert value.low is not None
        assert value.high is not None
        limits = np.log([float(value.low), float(value.high)])
        fed = _scipys((sums, tokens), partial(_Ours, len(sums) + 1))
        long_run = _scipys((sums, tokens), partial(np.random.default_rng, seed), 5_000)
        short_run = _scipys((sums, tokens), partial(np.random.default_rng, seed + 1_000))
        width = long_run[1] - long_run[0]
        assert limits == pytest.approx(fed, rel=0, abs=2e-3 * width)
        ours.append((limits - long_run) / width)
        theirs.append((short_run - long_run) / width)
    assert np.sqrt(np.mean(np.square(ours))) < 1.2 * np.sqrt(np.mean(np.square(theirs)))
    assert abs(np.mean(ours)) < 0.01


@pytest.mark.parametrize("documents", [8, 12, 20, 50, 400, 100_000])
def test_tails_are_expanded_by_students_quantile(documents: int) -> None:
    exact = stats.t.ppf(0.975, documents) * math.sqrt((documents + 1) / documents)
    assert _expanded(stats.norm.ppf(0.975), documents) == pytest.approx(exact, rel=1e-4)


def test_past_the_outermost_resample_the_tail_goes_on_in_proportion() -> None:
    ordered = np.linspace(-1, 1, 999)
    outermost = stats.norm.ppf(0.999)
    edge, twice = _quantile(ordered, outermost, 0.0), _quantile(ordered, 2 * outermost, 0.0)
    assert float(edge) == pytest.approx(0.998, abs=1e-9)
    assert float(twice) == pytest.approx(2 * 0.998, abs=1e-9)
    below = _quantile(ordered, -2 * outermost, 0.0)
    assert float(below) == pytest.approx(-float(twice), abs=1e-9)


def test_one_more_document_is_the_most_extreme_on_each_side() -> None:
    """Nine documents of ten are alike; a limit on the side of the tenth lies far out, one on the
    other side does not, and all of it turns round with the sign."""
    sums = [*range(100, 118), 5000]
    (right,) = intervals([sums], [10] * 19, _contract())
    (left,) = intervals([[-s for s in sums]], [10] * 19, _contract())
    assert right.low is not None
    assert right.high is not None
    assert left.low is not None
    point = sum(sums) / 190
    assert float(right.high) - point > 2 * (point - float(right.low))
    assert float(left.low) == pytest.approx(-float(right.high), rel=1e-9)


def test_measures_share_resamples_and_seeds_matter() -> None:
    rng = np.random.default_rng(2)
    sums, weights = rng.integers(0, 10**9, 20).tolist(), [8] * 20
    both = intervals([sums, [2 * s for s in sums]], weights, _contract())
    assert both[0].low is not None
    assert both[1].low == 2 * both[0].low
    assert intervals([sums], weights, _contract()) == [both[0]]
    assert intervals([sums], weights, _contract(seed=8)) != [both[0]]


def test_confidence_widens() -> None:
    rng = np.random.default_rng(3)
    sums, weights = rng.integers(0, 10**9, 20).tolist(), [8] * 20
    ends = []
    for confidence in ("0.5", "0.9", "0.99"):
        (limits,) = intervals([sums], weights, _contract(confidence=confidence))
        assert limits.low is not None
        assert limits.high is not None
        ends.append((limits.low, limits.high))
    assert ends[2][0] < ends[1][0] < ends[0][0] < ends[0][1] < ends[1][1] < ends[2][1]


@pytest.mark.parametrize("nines", [1, 4, 9, 13, 16, 17, 22, 30, 400])
def test_an_extreme_confidence_gives_wide_limits_or_a_reason(nines: int) -> None:
    rng = np.random.default_rng(3)
    sums, weights = rng.integers(0, 10**9, 20).tolist(), [8] * 20
    (limits,) = intervals([sums], weights, _contract(confidence="0." + "9" * nines))
    assert (limits.low is None) == (nines > 15)
    assert ("tail" in limits.reason) == (nines > 15)


def test_resampling_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    sums, weights = rng.integers(0, 10**9, 20).tolist(), rng.integers(1, 9, 20).tolist()
    whole = intervals([sums], weights, _contract())
    monkeypatch.setattr("invarlock.judge.bootstrap._CHUNK", 64)
    assert intervals([sums], weights, _contract()) == whole


def test_zero_variance_gives_the_point() -> None:
    (limits,) = intervals([[30, 60, 90]], [10, 20, 30], _contract())
    assert (limits.low, limits.high, limits.exact) == (Fraction(3), Fraction(3), True)


def test_sums_beyond_int64_stay_exact() -> None:
    rng = np.random.default_rng(6)
    small = rng.integers(1, 10**6, 12).tolist()
    (near,) = intervals([small], [4] * 12, _contract())
    (far,) = intervals([[s * 2**50 for s in small]], [4] * 12, _contract())
    assert near.low is not None
    assert far.low is not None
    assert float(far.low) == pytest.approx(float(near.low) * 2.0**50, rel=1e-12)


def test_a_bootstrap_on_one_side_gives_no_interval() -> None:
    """One document in a thousand moves; few resamples ever draw it as often as the sample does."""
    sums = [0] * 999 + [10**9]
    (limits,) = intervals([sums], [1] * 1000, _contract(resamples=1))
    assert limits.low is None
    assert "one side" in limits.reason


def test_quick() -> None:
    """3200 resamples of 300 documents and four measures: a verifier has 0.35 s for everything."""
    rng = np.random.default_rng(8)
    columns = rng.integers(0, 10**12, (4, 300)).tolist()
    start = time.process_time()
    intervals(columns, [500] * 300, _contract(resamples=3_200))
    assert time.process_time() - start < 1.0


def test_text_of_confidence_is_exact() -> None:
    assert Decimal(_contract().confidence) == Decimal("0.95")


def test_documents_without_weight_count_by_what_they_add() -> None:
    """A ratio such as recovery: items that the baseline answers wrongly weigh nothing."""
    baseline = [1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1]
    subject = [1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1]
    (found,) = intervals([subject], baseline, _contract())
    assert found.low is not None
    assert found.high is not None
    assert found.low < Fraction(sum(subject), sum(baseline)) < found.high
    assert found.low > 0
    assert found.high < 2


def test_where_a_resample_may_have_no_weight_there_is_no_interval() -> None:
    for weights in ([0] * 15 + [1], [0] * 14 + [1, 1]):
        (found,) = intervals([[1] * 16], weights, _contract())
        assert (found.low, found.high) == (None, None)
        assert "nothing to divide by" in found.reason
