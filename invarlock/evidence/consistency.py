"""What the columns of a row owe each other: numbers that no two models can give are refused.

Losses, KL, Δp and agreement of a token come from the same two distributions, so that some follow
from others and some bound others. This catches numbers made up one by one; those made up
consistently it cannot see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from invarlock.canonical import NANO, NON_FINITE
from invarlock.errors import VerificationFault
from invarlock.evidence.layout import Int64s, Layout
from invarlock.evidence.schema import Task

_LARGEST: Final = 2**63 - 1
_Doubles = np.ndarray[Any, np.dtype[np.float64]]

DELTA_P_SLACK: Final = 2
"""Units of 1e-9: losses and Δp are each rounded to half a unit, and |d e^-ℓ/dℓ| ≤ 1."""
_KL_SLACK: Final = 1e-5
_KL_RELATIVE: Final = 1e-4
"""KL is summed over a vocabulary in the model's own precision."""
_SHARES: Final = 1e-4
"""Probabilities of labels are made in the model's own precision."""
_RANGES: Final = {
    "loss": ("a log-loss is below zero", 0, _LARGEST),
    "kl": ("a KL divergence is below zero", 0, _LARGEST),
    "delta_p": ("a change of probability is beyond ±1", -NANO, NANO),
    "top1": ("a top-1 agreement is neither 0 nor 1", 0, 1),
}
_MAJORITY: Final = 0.5 + 1e-6
_HINT: Final = "do not deploy; ask the producer"


def check_columns(task: Task, layout: Layout, columns: Mapping[str, Int64s]) -> None:
    """Hold every column of a task against its natural range, and columns against each other.

    Raises :class:`VerificationFault`: E405 for a number that there cannot be, E404 for numbers that
    do not fit.
    """
    for name, column in columns.items():
        _check_range(name, column)
    if "kl" in columns:
        subject = np.stack([columns[name] for name in ("loss", "kl", "delta_p", "top1")])
        check_rows(columns["baseline_loss"], subject)
    if task == "classification":
        for name in ("baseline_loss", "loss"):
            _check_shares(name, columns[name], layout)


def _check_range(name: str, column: Int64s) -> None:
    file = "baseline.i64" if name.startswith("baseline_") else "subject.i64"
    what, low, high = _RANGES[name.removeprefix("baseline_")]
    outside = (column < low) | (column > high)
    outside &= column != NON_FINITE
    if bool(outside.any()):
        raise VerificationFault("E405", f"`{file}`: {what}", _HINT)


def _check_shares(name: str, column: Int64s, layout: Layout) -> None:
    """A classifier's labels share out one probability."""
    total = np.add.reduceat(_probability(column), layout.offsets[:-1])
    flags = np.add.reduceat(column == NON_FINITE, layout.offsets[:-1])
    wrong = (flags == 0) & (np.abs(total - 1) > _SHARES)
    if bool(wrong.any()):
        file = "baseline.i64" if name == "baseline_loss" else "subject.i64"
        window = int(np.argmax(wrong))
        message = f"`{file}`: window {window}: the labels' probabilities do not add up to one"
        raise VerificationFault("E404", message, _HINT)


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
