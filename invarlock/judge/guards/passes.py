"""What further passes over the guard windows say: what scaling would gain, what guards cost.

``variance.gain``: mean log-loss of the subject less that with the outputs of its blocks at the
baseline's scales, in nats, over the second half of the guard windows; the scales were made from
the first. Above zero, equalising would have helped: the edit has shifted the variance.

``overhead.metric``: perplexity over the guard windows with the guards watching, over that without.
``overhead.time``: median wall time of a pass with them over that of passes without. The times are
the producer's word, and no recomputation gives them again.
"""

from __future__ import annotations

from fractions import Fraction

from invarlock.canonical import NANO, NON_FINITE, decimal_text
from invarlock.evidence.activations import (
    first_half,
    guard_windows,
    held_out,
    scale_between,
)
from invarlock.evidence.blocks import block_ends
from invarlock.evidence.model import Evidence, Int64s
from invarlock.judge import exact
from invarlock.judge.guards.layers import layers
from invarlock.judge.values import Key, Value


def pass_values(evidence: Evidence) -> dict[Key, Value]:
    """``variance.gain`` and ``overhead.*``; none where no guard window was scored again."""
    out: dict[Key, Value] = {}
    if evidence.bare is not None and evidence.scaled is not None:
        out[Key("variance.gain")] = _gain(evidence, evidence.scaled)
        out[Key("overhead.metric")] = _metric(evidence, evidence.bare)
    times = evidence.overhead
    if times.guarded and times.bare:
        point, is_exact = exact.nano(_median(times.guarded) / _median(times.bare))
        out[Key("overhead.time")] = Value("ok", point, reason="as recorded", exact=is_exact)
    return out


def _gain(evidence: Evidence, scaled: Int64s) -> Value:
    seen = layers(evidence)
    ends = block_ends(layer.name for layer in seen)
    ratios = []
    for layer in seen:
        if layer.name not in ends:
            continue
        if layer.before is None or layer.after is None:
            return Value("missing", reason=f"`{layer.name}` is no layer of both arms")
        ratio = scale_between(layer.before, layer.after)
        if ratio is not None:
            ratios.append(ratio)
    count = guard_windows(evidence.header.contract, evidence.header.schedule)
    if not ratios or first_half(count) == count:
        what = "no blocks to scale" if not ratios else "no window left to see what scaling gains"
        return Value("missing", reason=what)
    begin = held_out(evidence.windows, count)
    mean = _mean_change(scaled[begin:], evidence.loss[begin : len(scaled)])
    if mean is None:
        return Value("non_finite", reason="nan or infinity in the numbers it is made from")
    point, is_exact = exact.nano(mean)
    low, high = (decimal_text(exact.exp(end)[0]) for end in (min(ratios), max(ratios)))
    return Value(
        "ok", point, reason=f"{len(ratios)} blocks scaled by {low} to {high}", exact=is_exact
    )


def _metric(evidence: Evidence, bare: Int64s) -> Value:
    mean = _mean_change(bare, evidence.loss[: len(bare)])
    if mean is None:
        return Value("non_finite", reason="nan or infinity in the numbers it is made from")
    point, is_exact = exact.exp(mean)
    return Value("ok", point, exact=is_exact)


def _mean_change(before: Int64s, after: Int64s) -> Fraction | None:
    """Mean of ``after`` less ``before``, each (rows,), in nats; ``None`` where one is flagged."""
    if bool((before == NON_FINITE).any() or (after == NON_FINITE).any()):
        return None
    return Fraction(sum(after.tolist()) - sum(before.tolist()), len(after) * NANO)


def _median(times: tuple[int, ...]) -> Fraction:
    return exact.percentile(sorted(times), Fraction(1, 2))
