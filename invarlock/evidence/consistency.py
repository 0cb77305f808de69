"""What the columns of one token owe each other: numbers that no two models can give are refused.

Losses, KL, Δp and agreement of a token come from the same two distributions, so that some follow
from others and some bound others. This catches numbers made up one by one; those made up
consistently it cannot see.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from invarlock.canonical import NANO, NON_FINITE
from invarlock.errors import VerificationFault
from invarlock.evidence.model import Int64s

_Doubles = np.ndarray[Any, np.dtype[np.float64]]

DELTA_P_SLACK: Final = 2
"""Units of 1e-9: losses and Δp are each rounded to half a unit, and |d e^-ℓ/dℓ| ≤ 1."""
_KL_SLACK: Final = 1e-5
_KL_RELATIVE: Final = 1e-4
"""KL is summed over a vocabulary in the model's own precision."""
_MAJORITY: Final = 0.5 + 1e-6
_HINT: Final = "do not deploy; ask the producer"


def check_rows(baseline_loss: Int64s, subject: Int64s) -> None:
    """Hold the columns ``loss, kl, delta_p, top1``, shape (4, rows), against each other.

    With p and q the true token's probabilities in baseline and subject: Δp = q − p; KL is at least
    that of the two-way split into the true token and all others (data-processing inequality, Cover
    and Thomas, Elements of Information Theory, theorem 2.8.1); a token that both hold more likely
    than all others together is first in both. Raises :class:`VerificationFault` E404.
    """
    loss, kl, delta_p, top1 = subject
    paired = (baseline_loss != NON_FINITE) & (loss != NON_FINITE)
    p, q = _probability(baseline_loss), _probability(loss)
    known = delta_p != NON_FINITE
    apart = np.abs(delta_p.astype(np.float64) - (q - p) * NANO) > DELTA_P_SLACK
    _refuse(known & (~paired | apart), "Δp does not follow from the two log-losses")
    least = _least_kl(baseline_loss / NANO, loss / NANO)
    short = kl / NANO < least - _KL_SLACK - _KL_RELATIVE * least
    _refuse((kl != NON_FINITE) & (~paired | short), "KL is below what the two log-losses allow")
    both = (p > _MAJORITY) & (q > _MAJORITY)
    _refuse((top1 != NON_FINITE) & (~paired | (both & (top1 == 0))), "the arms must agree here")


def _probability(loss: Int64s) -> _Doubles:
    finite = loss != NON_FINITE
    return np.where(finite, np.exp(-np.where(finite, loss, 0) / NANO), 0.0)


def _least_kl(baseline: _Doubles, subject: _Doubles) -> _Doubles:
    """p·(ℓˢ − ℓᵇ) + (1 − p)·ln((1 − p)/(1 − q)), taken at the end of the rounding that is kind."""
    with np.errstate(all="ignore"):
        p, rest = np.exp(-baseline), -np.expm1(-baseline)
        others = np.where(rest > 0, rest * np.log(rest / -np.expm1(-(subject + 1 / NANO))), 0.0)
    return np.nan_to_num(p * (subject - baseline) + others, nan=0.0, posinf=0.0, neginf=0.0)


def _refuse(wrong: np.ndarray[Any, np.dtype[np.bool_]], what: str) -> None:
    if bool(wrong.any()):
        row = int(np.argmax(wrong))
        raise VerificationFault("E404", f"`subject.i64`: row {row}: {what}", _HINT)
