"""Evidence against evidence: what is named, what tolerance allows, what the worst case is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import NON_FINITE
from invarlock.evidence.model import Evidence
from invarlock.judge import decide, estimate
from invarlock.verify.bar import Passing
from invarlock.verify.measured import compare_tensors
from invarlock.verify.reproduced import Compared, compare_scores
from invarlock.verify.result import Level
from invarlock.verify.tolerance import WEIGHT_UNITS, Tolerance
from invarlock.verify.worst import Rest, own_numbers
from tests.builders import SANDBOXED, Synthetic, at_least, at_most, between, make_bar

TOKEN = Tolerance("float32").token()
BAR = make_bar(
    at_most("perplexity.ratio", "1.1"),
    between("perplexity.drift", "0.9", "1.1"),
    at_least("top1.agreement", "0.9"),
    at_most("kl.mean", "0.05"),
)
EVERY = range(36)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return Synthetic(bar=BAR).edited(worse=0.01).evidence(SANDBOXED)


def part(evidence: Evidence, chosen: Sequence[int]) -> Evidence:
    """What scoring the windows ``chosen`` again gives, bit for bit."""
    offsets = evidence.layout.offsets.tolist()
    rows = np.concatenate([np.arange(offsets[at], offsets[at + 1]) for at in chosen])
    return replace(
        evidence,
        windows=tuple(evidence.windows[at] for at in chosen),
        tokens=np.concatenate([evidence.layout.window(at) for at in chosen]),
        positions=evidence.positions[rows],
        tensors={"baseline": (), "subject": ()},
        **{name: column[rows].copy() for name, column in evidence.columns.items()},
    )


def moved(evidence: Evidence, name: str, row: int, by: int) -> Evidence:
    changed = getattr(evidence, name).copy()
    changed[row] = by if by == NON_FINITE else changed[row] + by
    return replace(evidence, **{name: changed})


def told(compared: Compared) -> str:
    assert {(f.level, f.kind, f.code) for f in compared.findings} <= {
        (Level.REPRODUCED, "refused", "E430")
    }
    return "\n".join(f.what for f in compared.findings)


@pytest.mark.parametrize("chosen", [EVERY, (0, 3, 35)])
def test_the_same_numbers_are_reproduced(evidence: Evidence, chosen: Sequence[int]) -> None:
    compared = compare_scores(evidence, part(evidence, chosen), chosen)
    assert (compared.findings, compared.largest, compared.shift) == ((), 0, 0)


@pytest.mark.parametrize(
    ("name", "by", "words"),
    [
        ("loss", 2 * TOKEN, "the subject's log-loss, row 2, off by -0.0002"),
        ("baseline_loss", -2 * TOKEN, "the baseline's log-loss, row 2, off by 0.0002"),
        ("kl", 3 * TOKEN, "KL, row 2"),
        ("delta_p", 3 * TOKEN, "the change of probability, row 2"),
        ("loss", NON_FINITE, "the subject's log-loss, row 2"),
    ],
)
def test_a_number_beyond_tolerance_is_named_with_its_window(
    evidence: Evidence, name: str, by: int, words: str
) -> None:
    chosen = (0, 3, 35)
    again = moved(part(evidence, chosen), name, 8 + 2, by)
    text = told(compare_scores(evidence, again, chosen))
    assert text.startswith(f"window 3 (document `{evidence.windows[3].document}`): {words}")


def test_rounding_is_within_tolerance(evidence: Evidence) -> None:
    noise = np.random.default_rng(4).normal(0, TOKEN / 6, evidence.loss.size)
    again = replace(evidence, loss=evidence.loss + noise.astype(np.int64))
    compared = compare_scores(evidence, again, EVERY)
    assert compared.findings == ()
    assert 0 < compared.largest <= TOKEN


def test_a_shift_that_no_window_shows_is_seen_in_the_mean(evidence: Evidence) -> None:
    limit = Tolerance("float32").mean(8)
    again = replace(evidence, loss=evidence.loss + limit)
    compared = compare_scores(evidence, again, EVERY)
    assert [f.what for f in compared.findings] == [
        "over all windows challenged, the mean change of log-loss was told too low by"
    ]
    assert compared.shift == limit


def test_agreement_may_differ_at_a_tie_and_no_more(evidence: Evidence) -> None:
    assert evidence.top1 is not None
    rows = np.flatnonzero(evidence.top1 == 1)[:2].tolist()
    once = moved(evidence, "top1", rows[0], -1)
    assert compare_scores(evidence, once, EVERY).findings == ()
    twice = moved(once, "top1", rows[1], -1)
    assert "all windows challenged: agreement" in told(compare_scores(evidence, twice, EVERY))


def test_what_layers_put_out_is_held_against_what_they_do_now(evidence: Evidence) -> None:
    first = evidence.activations["subject"][0]
    assert first.risk is not None
    for by, found in ((1.00001, False), (1.01, True)):
        other = first.model_copy(update={"risk": round(first.risk * by)})
        layers = {**evidence.activations, "subject": (other, *evidence.activations["subject"][1:])}
        compared = compare_scores(evidence, replace(evidence, activations=layers), EVERY)
        assert (f"subject: layer `{first.name}`: `risk`" in told(compared)) is found
    gone = {**evidence.activations, "subject": evidence.activations["subject"][1:]}
    compared = compare_scores(evidence, replace(evidence, activations=gone), EVERY)
    assert "layers that one side alone has" in told(compared)


def test_guard_windows_that_were_scored_again_are_too(evidence: Evidence) -> None:
    assert evidence.bare is not None
    again = replace(evidence, bare=evidence.bare + 3 * TOKEN)
    text = told(compare_scores(evidence, again, EVERY))
    assert "guard windows: the subject's log-loss without a guard" in text


@pytest.mark.parametrize(
    ("field", "by", "found"),
    [
        ("log_sigma", WEIGHT_UNITS, False),
        ("log_sigma", WEIGHT_UNITS + 1, True),
        ("outliers", 1, True),
        ("non_finite", 1, True),
    ],
)
def test_tensors_are_counted_exactly_and_computed_nearly(
    evidence: Evidence, field: str, by: int, found: bool
) -> None:
    tensors = evidence.tensors["subject"]
    at = next(i for i, tensor in enumerate(tensors) if tensor.spectrum == "measured")
    other = tensors[at].model_copy(update={field: getattr(tensors[at], field) + by})
    now = {**evidence.tensors, "subject": (*tensors[:at], other, *tensors[at + 1 :])}
    findings = list(compare_tensors(evidence.tensors, now))
    what = [f"subject: tensor `{other.name}`: `{field}`"] if found else []
    assert [f.what for f in findings] == what
    assert {(f.level, f.code) for f in findings} <= {(Level.MEASURED, "E430")}


def test_a_tensor_that_only_one_side_has_is_named(evidence: Evidence) -> None:
    fewer = {**evidence.tensors, "baseline": evidence.tensors["baseline"][1:]}
    name = evidence.tensors["baseline"][0].name
    for pair in ((evidence.tensors, fewer), (fewer, evidence.tensors)):
        (finding,) = compare_tensors(*pair)
        assert finding.what == f"baseline: tensor `{name}`"


def passes(bar: Any = BAR) -> Any:
    return lambda one: decide(bar, estimate(one, one.header.contract)).verdict == "pass"


def test_what_was_measured_again_stands_for_what_was_signed(evidence: Evidence) -> None:
    chosen = (0, 3)
    again = part(evidence, chosen)
    again = replace(again, loss=again.loss + 7)
    own = own_numbers(evidence, again, chosen, evidence.tensors)
    apart = (own.loss - evidence.loss).reshape(36, 8)
    assert apart[[0, 3]].tolist() == [[7] * 8] * 2
    assert not apart[[1, 2, *range(4, 36)]].any()


def test_all_that_is_left_is_shifted_to_either_side(evidence: Evidence) -> None:
    left = (1, 2, 30)
    limit = Tolerance("float32").mean(8)
    seen = set()
    for worst in Rest(evidence, left).shifted():
        change = (worst.loss - worst.baseline_loss) - (evidence.loss - evidence.baseline_loss)
        by_window = change.reshape(36, 8)
        assert not by_window[[at for at in EVERY if at not in left]].any()
        assert set(np.abs(by_window[list(left)]).ravel().tolist()) == {2 * limit}
        seen.add((int(by_window[1, 0]) > 0, int(by_window[30, 0]) > 0))
    assert seen == {(a, b) for a in (True, False) for b in (True, False)}
    assert list(Rest(evidence, ()).shifted()) == []


def test_a_pass_near_the_bound_does_not_survive_and_one_far_from_it_does(
    evidence: Evidence,
) -> None:
    from decimal import Decimal

    from invarlock.judge import Key

    high = estimate(evidence, evidence.header.contract).get(Key("perplexity.ratio")).high
    assert high is not None
    near = passes(make_bar(at_most("perplexity.ratio", str(high + Decimal("0.000001")))))
    far = passes(make_bar(at_most("perplexity.ratio", str(high + Decimal("0.01")))))
    rest = Rest(evidence, tuple(EVERY))
    assert near(evidence)
    assert not all(near(worst) for worst in rest.shifted())
    assert all(far(worst) for worst in rest.shifted())


def test_the_fewest_windows_that_turn_the_verdict_are_found(evidence: Evidence) -> None:
    rest = Rest(evidence, tuple(range(8, 36)))
    fewest = rest.fewest(passes())
    assert fewest is not None
    kinds = [phase for phase in ("final", "preview") if not passes()(rest.worst(fewest, phase))]
    assert kinds
    assert all(passes()(rest.worst(fewest - 1, phase)) for phase in ("final", "preview"))
    assert Rest(evidence, ()).fewest(passes()) is None


def test_numbers_that_were_not_finite_stay_so(evidence: Evidence) -> None:
    flagged = moved(evidence, "loss", 8, NON_FINITE)
    for worst in (*Rest(flagged, (1, 2)).shifted(), Rest(flagged, (1, 2)).worst(2, "final")):
        assert worst.loss[8] == NON_FINITE


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("measure", ["kl.p99", "delta_p.rms"])
def test_a_tail_that_tokens_could_hide_does_not_survive(
    evidence: Evidence, measure: str, dtype: Any
) -> None:
    """Tokens told too low by half of what one is granted, and every window's mean within its own:
    a challenge of all windows finds nothing, and a pass so near to the bound must not hold."""
    facts = evidence.header.contract.model_copy(update={"dtype": dtype})
    header = evidence.header.model_copy(update={"contract": facts})
    first = np.arange(evidence.loss.size) % 8 == 0
    signs = np.where(np.arange(evidence.loss.size) % 2 == 0, 1, -1)
    limit = Tolerance(dtype)
    if measure == "kl.p99":
        name, granted, scale = "kl", limit.divergence(), 10**9
        column, off = np.where(first, 4 * 10**8, 10**7), np.where(first, granted // 2, 0)
    else:
        name, granted, scale = "delta_p", limit.probability(), 10**7
        column, off = signs * 4 * 10**8, signs * (granted // 2)
    signed = replace(evidence, header=header, **{name: column})
    true = replace(signed, **{name: column + off})
    assert compare_scores(signed, part(true, EVERY), EVERY).findings == ()
    rest = Rest(signed, tuple(EVERY))
    near = bar_above(measure, (4 * 10**8 + granted * 9 // 20) / scale, dtype)
    far = bar_above(measure, (4 * 10**8 + granted + 10**4) / scale, dtype)
    assert (near(signed), near(true)) == (True, False)
    assert all(near(worst) for worst in rest.shifted())
    assert not rest.survives(near)
    assert far(true)
    assert rest.survives(far)
    assert Rest(signed, ()).survives(near)


def bar_above(measure: str, bound: float, dtype: str) -> Passing:
    gates = at_most(measure, f"{bound:.9f}".rstrip("0")), at_most("kl.mean", "9")
    return Passing(make_bar(*gates, model__dtype=dtype), {})


def test_a_change_of_probability_is_held_against_what_its_mean_is_granted(
    evidence: Evidence,
) -> None:
    """With log-losses of 9 nats their shift hardly changes a probability."""
    high = np.full_like(evidence.loss, 9 * 10**9)
    signed = replace(evidence, loss=high, baseline_loss=high, delta_p=np.zeros_like(high))
    granted = Tolerance("float32").probability_mean(8)
    rest = Rest(signed, tuple(EVERY))
    for pp, survives in ((granted // 2 / 10**7, False), (granted * 2 / 10**7, True)):
        passing = Passing(make_bar(at_least("delta_p.mean", f"-{pp:.9f}".rstrip("0"))), {})
        assert passing(signed)
        assert all(passing(worst) for worst in rest.shifted())
        assert rest.survives(passing) == survives


def test_ties_are_given_to_every_slice(evidence: Evidence) -> None:
    half = [window.model_copy(update={"slice": "ab"[at % 2]}) for at, window in
            enumerate(evidence.windows)]  # fmt: skip
    sliced = replace(evidence, windows=tuple(half))
    for worst in Rest(sliced, tuple(EVERY)).shifted():
        assert worst.top1 is not None
        assert sliced.top1 is not None
        changed = (worst.top1 != sliced.top1).reshape(36, 8).any(axis=1)
        at = {(half[place].phase, half[place].slice) for place in np.flatnonzero(changed)}
        assert {slice_ for phase, slice_ in at if phase == "final"} == {"a", "b"} or (
            sliced.top1.min() == 1 and not changed.any()
        )
