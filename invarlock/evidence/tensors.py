"""What the records of tensors owe each other: ones that no two models can give are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import log, prod
from typing import Final

from invarlock.canonical import NANO
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import Arm, Tensor

_MAX_NAME: Final = 512
_HINT: Final = "do not deploy; ask the producer"
_ALIKE: Final = ("shape", "non_finite", "spectrum", "log_sigma", "log_norm", "outliers")
_SLACK: Final = 100
"""Units of 1e-9: logarithms come from sums of float64 products."""


def printable(text: str) -> bool:
    """Whether ``text`` may stand in a report: short, one line, no control characters."""
    return 0 < len(text) <= _MAX_NAME and text.isprintable()


def check_tensors(baseline: Sequence[Tensor], subject: Sequence[Tensor]) -> None:
    """Hold the records of both arms against themselves and each other.

    Raises :class:`VerificationFault` E405 for one that is malformed, E404 for numbers that no
    matrix has: σ₁ ≤ ‖W‖ ≤ √min(rows, columns)·σ₁, counts within the shape.
    """
    for arm, tensors in (("baseline", baseline), ("subject", subject)):
        _check_form(f"{arm}.tensors.json", tensors)
    before, after = ({tensor.name: tensor for tensor in arm} for arm in (baseline, subject))
    for tensor in baseline:
        _check("baseline", tensor, None, before)
    for tensor in subject:
        other = before.get(tensor.name)
        if other is not None and other.family != tensor.family:
            raise _malformed(f"`{tensor.name[:120]}` is of another family in each arm")
        _check("subject", tensor, other, after)


def _check_form(name: str, tensors: Sequence[Tensor]) -> None:
    for before, after in pairwise(tensors):
        if before.name >= after.name:
            raise _malformed(f"`{name}`: `{after.name[:120]}` is out of order or stands twice")
    for tensor in tensors:
        if not printable(tensor.name) or not printable(tensor.dtype):
            raise _malformed(f"`{name}`: a tensor's name or dtype is no printable text")
        if any(size < 0 for size in tensor.shape):
            raise _malformed(f"`{name}`: `{tensor.name[:120]}` has a negative dimension")
        for wrong in _disagreeing(tensor):
            raise _malformed(f"`{name}`: `{tensor.name[:120]}`: {wrong}")


def _disagreeing(tensor: Tensor) -> Iterator[str]:
    measured = tensor.spectrum == "measured"
    for field in ("log_sigma", "log_norm", "outliers"):
        if (getattr(tensor, field) is not None) != measured:
            yield f"spectrum and {field} disagree"
    if tensor.non_finite and tensor.spectrum in {"measured", "zero"}:
        yield "spectrum of non-finite numbers"
    if tensor.spectrum == "non_finite" and not tensor.non_finite:
        yield "no number that is not finite"
    if measured and _sides(tensor) is None:
        yield "a spectrum without a matrix"


def _sides(tensor: Tensor) -> tuple[int, int] | None:
    """Rows and columns; ``None`` of a tensor that is no matrix."""
    if len(tensor.shape) < 2 or prod(tensor.shape) == 0:
        return None
    return prod(tensor.shape[:-1]), tensor.shape[-1]


def _check(
    arm: Arm, tensor: Tensor, baseline: Tensor | None, tensors: Mapping[str, Tensor]
) -> None:
    for wrong in (
        *_impossible(tensor),
        *_estranged(tensor, tensors),
        *_unfounded(tensor, baseline),
    ):
        where = f"`{arm}.tensors.json`: `{tensor.name[:120]}`"
        raise VerificationFault("E404", f"{where}: {wrong}", _HINT)


def _impossible(tensor: Tensor) -> Iterator[str]:
    sides = _sides(tensor)
    if sides is None or tensor.log_sigma is None or tensor.log_norm is None:
        return
    room = round(0.5 * log(min(sides)) * NANO)
    if not -_SLACK <= tensor.log_norm - tensor.log_sigma <= room + _SLACK:
        yield "norm and largest singular value are of no one matrix"
    if tensor.outliers is not None and tensor.outliers > min(sides):
        yield "more outliers than singular values"


def _estranged(tensor: Tensor, arm: Mapping[str, Tensor]) -> Iterator[str]:
    """A twin is another matrix of the arm, of the same numbers, and has a twin itself."""
    if tensor.twin is None:
        return
    other = arm.get(tensor.twin)
    if other is None or other is tensor or other.twin is None or tensor.family != "embed":
        yield "a twin that is none"
    elif any(getattr(tensor, field) != getattr(other, field) for field in _ALIKE):
        yield "a twin of other numbers"


def _unfounded(tensor: Tensor, baseline: Tensor | None) -> Iterator[str]:
    """What says how far a tensor lies from the baseline's is there exactly where one can say so."""
    both = (
        baseline is not None
        and baseline.shape == tensor.shape
        and not tensor.non_finite
        and not baseline.non_finite
    )
    sides = _sides(tensor)
    if (tensor.drift is not None) != (both and sides is not None):
        yield "drift from what cannot be compared, or none from what can"
    if (tensor.change is not None) != (both and sides is None):
        yield "change from what cannot be compared, or none from what can"
    if tensor.drift is None or sides is None:
        return
    drift = tensor.drift
    if drift.turned_rows > sides[0] or drift.turned_columns > sides[1]:
        yield "more rows or columns turned than there are"
    if drift.row_low > drift.row_high or drift.column_low > drift.column_high:
        yield "extremes of norms the wrong way round"


def _malformed(message: str) -> VerificationFault:
    """E405 on one line, whatever the hostile file put into the message."""
    line = "".join(char if char.isprintable() else "?" for char in message)
    return VerificationFault("E405", line, _HINT)
