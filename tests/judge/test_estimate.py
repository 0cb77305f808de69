"""Values against other ways to compute them, their nulls, and what takes them away."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invarlock.canonical import NANO, NON_FINITE, digest_bytes
from invarlock.evidence.model import Evidence
from invarlock.judge import Key, Values, contract_of, decide, estimate
from tests.builders import Synthetic, make_bar, make_subject_tensors, make_tensors, standard_bar

CASE = Synthetic().edited(worse=0.03, noise=0.3)
PER_TOKEN = (
    "perplexity.ratio",
    "perplexity.drift",
    "perplexity.tail.p50",
    "perplexity.tail.p90",
    "perplexity.tail.p95",
    "perplexity.tail.p99",
    "kl.mean",
    "kl.p99",
    "delta_p.mean",
    "delta_p.rms",
    "top1.agreement",
)
WITH_INTERVAL = ("perplexity.ratio", "kl.mean", "delta_p.mean", "top1.agreement")
NULLS = {
    name: Decimal(name in {"perplexity.ratio", "perplexity.drift", "top1.agreement"})
    for name in PER_TOKEN
}


def _estimate(case: Synthetic, evidence: Evidence | None = None) -> Values:
    return estimate(evidence or case.evidence(), contract_of(case.bar))


def _phase(evidence: Evidence, phase: str, label: str | None = None) -> Any:
    return np.array([w.phase == phase and label in {None, w.slice} for w in evidence.windows])


@pytest.mark.parametrize("label", [None, "prose", "verse"])
def test_points_against_plain_floats(label: str | None) -> None:
    evidence = CASE.evidence()
    values = _estimate(CASE, evidence)
    final, preview = _phase(evidence, "final", label), _phase(evidence, "preview", label)
    assert preview.any()

    def rows(column: Any) -> Any:
        return column.reshape(-1, CASE.scored) / NANO

    change = rows(evidence.loss) - rows(evidence.baseline_loss)
    kl, delta_p = rows(evidence.kl)[final], rows(evidence.delta_p)[final] * 100
    expected = {
        "perplexity.ratio": math.exp(change[final].mean()),
        "perplexity.drift": math.exp(change[final].mean() - change[preview].mean()),
        "kl.mean": kl.mean(),
        "kl.p99": np.percentile(kl, 99),
        "delta_p.mean": delta_p.mean(),
        "delta_p.rms": math.sqrt((delta_p**2).mean()),
        "top1.agreement": rows(evidence.top1 * NANO)[final].mean(),
        "windows.final": final.sum(),
        "windows.tokens": final.sum() * CASE.scored,
    }
    for share in (50, 90, 95, 99):
        per_window = change[final].mean(axis=1)
        expected[f"perplexity.tail.p{share}"] = np.percentile(per_window, share)
    for measure, number in expected.items():
        key = Key(measure) if label is None else Key(measure, "slice", label)
        point = values.get(key).point
        assert point is not None
        assert float(point) == pytest.approx(float(number), rel=0, abs=2e-9), measure


def ragged(evidence: Evidence, seed: int = 3) -> Evidence:
    """The same with some rows of each window left out, never all."""
    keep = np.random.default_rng(seed).random((len(evidence.windows), CASE.scored)) < 0.6
    keep[:, 0] = True
    windows = tuple(
        window.model_copy(update={"rows": int(kept.sum())})
        for window, kept in zip(evidence.windows, keep, strict=True)
    )
    rows = keep.reshape(-1)
    names = ("positions", "baseline_loss", "loss", "kl", "delta_p", "top1")
    columns = {name: getattr(evidence, name)[rows] for name in names}
    return replace(evidence, windows=windows, **columns)


def test_windows_may_score_unequal_numbers_of_tokens() -> None:
    """Means weigh tokens, percentiles of windows do not, whatever a window's share."""
    evidence = ragged(CASE.evidence())
    values = _estimate(CASE, evidence)
    final, preview = _phase(evidence, "final"), _phase(evidence, "preview")
    counts = np.array([window.rows for window in evidence.windows])
    assert len(set(counts[final])) > 2
    rows = np.repeat(final, counts)
    change = (evidence.loss - evidence.baseline_loss) / NANO
    kl, delta_p = evidence.kl[rows] / NANO, evidence.delta_p[rows] / NANO * 100
    means = [part.mean() for part in np.split(change, evidence.layout.offsets[1:-1])]
    drift = change[rows].mean() - change[np.repeat(preview, counts)].mean()
    expected = {
        "perplexity.ratio": math.exp(change[rows].mean()),
        "perplexity.drift": math.exp(drift),
        "perplexity.tail.p90": np.percentile(np.array(means)[final], 90),
        "kl.mean": kl.mean(),
        "kl.p99": np.percentile(kl, 99),
        "delta_p.rms": math.sqrt((delta_p**2).mean()),
        "top1.agreement": evidence.top1[rows].mean(),
        "windows.tokens": counts[final].sum(),
    }
    for measure, number in expected.items():
        point = values.get(Key(measure)).point
        assert point is not None
        assert float(point) == pytest.approx(float(number), rel=0, abs=2e-9), measure


def test_intervals_hold_their_points_and_slices_have_their_own() -> None:
    bar = make_bar(final=40, preview=5)
    case = Synthetic(bar=bar, documents=30, per_document=2).edited(noise=0.3)
    values = _estimate(case)
    for measure in WITH_INTERVAL:
        whole = values.get(Key(measure))
        parts = [values.get(Key(measure, "slice", label)) for label in ("prose", "verse")]
        for value in (whole, *parts):
            assert value.low is not None
            assert value.high is not None
            assert value.point is not None
            assert value.low < value.point < value.high
        assert len({value.low for value in (whole, *parts)}) == 3


def test_identical_arms_are_exactly_at_the_null_and_pass() -> None:
    case = Synthetic()
    values = _estimate(case)
    for measure, null in NULLS.items():
        value = values.get(Key(measure))
        few = measure == "perplexity.tail.p99"  # of 24 windows
        assert value.status == ("too_few" if few else "ok")
        assert (value.point, value.exact) == (null, True)
        if measure in WITH_INTERVAL:
            assert (value.low, value.high) == (null, null)
    assert values.get(Key("spectral.shift")).point == 0
    assert values.get(Key("invariants.structure")).point == 0
    assert values.get(Key("invariants.non_finite")).point == 0
    assert decide(case.bar, values).verdict == "pass"


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_identical_arms_pass_whatever_the_text(seed: int) -> None:
    bar = standard_bar(final=50, preview=10)
    case = Synthetic(bar=bar, documents=30, per_document=2, seed=seed)
    assert decide(bar, _estimate(case)).verdict == "pass"


@pytest.mark.parametrize(
    ("measures", "edit"),
    [
        (
            ["perplexity.ratio", "perplexity.drift", "perplexity.tail.p95"],
            lambda case: case.with_column("loss", CASE.columns["loss"]),  # type: ignore[index]
        ),
        (["kl.mean", "kl.p99"], lambda case: case.with_column("kl", np.arange(case.rows))),
        (
            ["delta_p.mean", "delta_p.rms"],
            lambda case: case.with_column("delta_p", np.arange(case.rows)),
        ),
        (
            ["top1.agreement"],
            lambda case: case.with_column("top1", np.arange(case.rows) % 2),
        ),
        (["spectral.shift"], lambda case: replace(case, subject_tensors=make_subject_tensors(5))),
        (
            ["invariants.structure"],
            lambda case: replace(case, subject_tensors=make_subject_tensors()[1:]),
        ),
    ],
)
def test_an_edit_moves_what_looks_at_it_and_nothing_else(
    measures: list[str], edit: Callable[[Synthetic], Synthetic]
) -> None:
    before, after = _estimate(Synthetic()), _estimate(edit(Synthetic()))
    moved = {key.measure for key, value in after.items.items() if value != before.get(key)}
    assert set(measures) <= moved
    families = {measure.split(".")[0] for measure in measures}
    kin = {"spectral", "invariants", "rmt", "rows"} if "invariants" in families else families
    kin |= {"rows"} if "spectral" in families else set()
    assert {measure.split(".")[0] for measure in moved} <= kin


def test_moving_both_arms_alike_moves_nothing() -> None:
    """Every measure compares the subject with the baseline; neither is judged by itself."""
    case = Synthetic().edited()
    assert case.columns is not None
    columns = dict(case.columns)
    columns["baseline_loss"] = columns["baseline_loss"] + NANO
    columns["loss"] = columns["loss"] + NANO
    moved = replace(
        case,
        columns=columns,
        baseline_tensors=make_tensors(70_000_000),
        subject_tensors=make_subject_tensors(70_000_000),
    )
    assert _estimate(moved).items == _estimate(case).items


LOOKS_AT = {
    "baseline_loss": PER_TOKEN[:6],
    "loss": PER_TOKEN[:6],
    "kl": ("kl.mean", "kl.p99"),
    "delta_p": ("delta_p.mean", "delta_p.rms"),
    "top1": ("top1.agreement",),
}


@pytest.mark.parametrize("column", LOOKS_AT)
def test_one_non_finite_number_takes_its_measures_away(column: str) -> None:
    assert CASE.columns is not None
    numbers = CASE.columns[column].copy()
    numbers[3] = NON_FINITE
    case = CASE.with_column(column, numbers)
    values = _estimate(case)
    for measure in PER_TOKEN:
        status = values.get(Key(measure)).status
        there = "too_few" if measure == "perplexity.tail.p99" else "ok"  # of 24 windows
        assert status == ("non_finite" if measure in LOOKS_AT[column] else there)
    assert decide(case.bar, values).verdict in {"incomplete", "fail"}


def test_a_non_finite_preview_number_takes_drift_alone() -> None:
    assert CASE.columns is not None
    numbers = CASE.columns["loss"].copy()
    numbers[-1] = NON_FINITE
    values = _estimate(CASE.with_column("loss", numbers))
    assert values.get(Key("perplexity.drift")).status == "non_finite"
    assert values.get(Key("perplexity.ratio")).status == "ok"


def test_an_unpaired_window_takes_every_paired_measure() -> None:
    evidence = CASE.evidence()
    other = evidence.windows[2].model_copy(update={"subject_id": digest_bytes(b"other")})
    windows = (*evidence.windows[:2], other, *evidence.windows[3:])
    values = _estimate(CASE, replace(evidence, windows=windows))
    for measure in PER_TOKEN:
        value = values.get(Key(measure))
        assert value.status == "missing"
        assert value.reason == "1 of 24 windows are unpaired"
    assert values.get(Key("tokenizer.same")).words == "no"


def test_without_preview_windows_drift_is_missing() -> None:
    bar = make_bar(preview=0)
    case = Synthetic(bar=bar).edited()
    values = _estimate(case)
    assert values.get(Key("perplexity.drift")).status == "missing"
    assert values.get(Key("perplexity.ratio")).status == "ok"


def test_too_few_documents_give_no_interval_and_leave_the_point() -> None:
    case = Synthetic(bar=make_bar(final=15, preview=1, estimate__minimum="16")).edited()
    few = replace(case, documents=16, per_document=1)
    value = _estimate(few).get(Key("perplexity.ratio"))
    assert (value.status, value.low) == ("ok", None)
    assert value.reason == "15 documents, an interval needs 16"
    assert value.point is not None
    enough = Synthetic(bar=make_bar(final=16, preview=1, estimate__minimum="16"), per_document=1)
    assert _estimate(replace(enough, documents=17)).get(Key("perplexity.ratio")).low is not None


def test_too_few_windows_leave_not_even_the_point() -> None:
    case = Synthetic(bar=make_bar(final=7, preview=1), documents=8, per_document=1).edited()
    value = _estimate(case).get(Key("perplexity.ratio"))
    assert (value.status, value.reason) == ("too_few", "7 windows, it takes 8")


@pytest.mark.parametrize(
    ("measure", "least"),
    [("perplexity.tail.p50", 8), ("perplexity.tail.p90", 10), ("perplexity.tail.p95", 20),
     ("perplexity.tail.p99", 100), ("kl.p99", 8), ("delta_p.rms", 8), ("perplexity.drift", 8)],
)  # fmt: skip
def test_too_few_windows_for_a_measure_without_an_interval(measure: str, least: int) -> None:
    statuses = []
    for final in (least - 1, least):
        case = Synthetic(bar=make_bar(final=final, preview=8), documents=60).edited()
        value = _estimate(case).get(Key(measure))
        statuses.append(value.status)
        assert value.point is not None
    assert statuses == ["too_few", "ok"]


def test_too_few_windows_of_a_slice() -> None:
    """The whole has windows enough for the percentile, its slices have not."""
    values = _estimate(Synthetic(bar=make_bar(final=24, preview=8)).edited())
    assert values.get(Key("perplexity.tail.p95")).status == "ok"
    value = values.get(Key("perplexity.tail.p95", "slice", "prose"))
    assert value.status == "too_few"
    assert "it takes 20" in value.reason


def test_too_few_preview_windows_for_drift() -> None:
    case = Synthetic(bar=make_bar(final=24, preview=7)).edited()
    value = _estimate(case).get(Key("perplexity.drift"))
    assert (value.status, value.reason) == ("too_few", "7 windows, it takes 8")


def test_enormous_losses_are_bounded_and_fail() -> None:
    case = Synthetic()
    huge = case.with_column("loss", np.full(case.rows, 2**62))
    values = _estimate(huge)
    point = values.get(Key("perplexity.ratio")).point
    assert point is not None
    assert point > 10**43
    assert decide(case.bar, values).verdict == "fail"


def test_order_of_windows_does_not_matter_to_values() -> None:
    # The guard windows are the first, and what they were scored at again goes with them.
    evidence = replace(CASE.evidence(), bare=None, scaled=None)
    order = np.random.default_rng(1).permutation(len(evidence.windows))

    def turned(column: Any) -> Any:
        return column.reshape(-1, CASE.scored)[order].reshape(-1)

    shuffled = replace(
        evidence,
        windows=tuple(evidence.windows[position] for position in order),
        tokens=evidence.tokens.reshape(-1, CASE.scored + 1)[order].reshape(-1),
        baseline_loss=turned(evidence.baseline_loss),
        loss=turned(evidence.loss),
        kl=turned(evidence.kl),
        delta_p=turned(evidence.delta_p),
        top1=turned(evidence.top1),
    )
    assert _estimate(CASE, shuffled).items == _estimate(CASE, evidence).items
