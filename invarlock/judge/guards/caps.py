"""Caps: matrices whose ln σ₁ moved by more than chance explains, many being looked at at once.

The null is absolute: under it the shift of a matrix, ln σ₁(subject) − ln σ₁(baseline), is normal
around zero with the standard deviation ``spectral.scale`` of its family, which a calibration on
harmless edits gives. A z against the model's own family would be blind to an edit of all its
matrices alike, and could not exceed √(n − 1). With p = 2(1 − Φ(|shift|/scale)) and m matrices,

    bonferroni   caps are the matrices with p ≤ level/m (family-wise error rate)
    bh           the k smallest p for the largest k with p₍ₖ₎ ≤ k·level/m (false discovery rate;
                 Benjamini and Hochberg, JRSS B 57, 1995)

p ≤ q is compared as |shift|/scale ≥ Φ⁻¹(1 − q/2): exact fractions against a quantile rounded to
twelve digits, so that every platform counts alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist
from typing import Final

from invarlock.evidence.schema import CapsContract
from invarlock.judge.guards.pairs import Found, named, worst
from invarlock.judge.values import Key, Value

_NORMAL: Final = NormalDist()
_DIGITS: Final = 12
_LEAST: Final = 1e-300
"""Below this a tail is no float; 37 standard deviations stand in for more."""


def caps_values(found: Sequence[Found], contract: CapsContract) -> dict[Key, Value]:
    """``spectral.caps`` of the shifts of all matrices; none without matrices."""
    one = worst(found)
    if one is None:
        return {}
    key = Key("spectral.caps")
    if one.status != "ok":
        return {key: Value(one.status, reason=one.reason)}
    scores = sorted(
        ((shift.number / _scale(contract, shift.family), shift.name) for shift in found),
        key=lambda score: (-score[0], score[1]),
    )
    count = capped([score for score, _ in scores], contract)
    return {key: Value("ok", Decimal(count), reason=named([name for _, name in scores[:count]]))}


def capped(scores: Sequence[Fraction], contract: CapsContract) -> int:
    """How many of ``scores`` (shifts in units of their scale, largest first) are caps."""
    m, level = len(scores), Fraction(Decimal(contract.level))
    if contract.correction == "bonferroni":
        least = _threshold(level / m)
        return sum(score >= least for score in scores)
    ranks = (k for k in range(m, 0, -1) if scores[k - 1] >= _threshold(level * k / m))
    return next(ranks, 0)


def _threshold(p: Fraction) -> Fraction:
    """Φ⁻¹(1 − p/2): the score with this two-sided p."""
    return Fraction(round(-_NORMAL.inv_cdf(max(float(p / 2), _LEAST)), _DIGITS))


def _scale(contract: CapsContract, family: str) -> Fraction:
    return Fraction(Decimal(getattr(contract.scale, family)))
