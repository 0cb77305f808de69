"""What the records of tensors owe each other: ones that no two models can give are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import log, prod
from typing import Final

from invarlock.canonical import NANO
from invarlock.errors import VerificationFault
from invarlock.evidence.families import family_of
from invarlock.evidence.schema import NORM_LIMIT, Arm, Drift, RowsContract, Tensor

_MAX_NAME: Final = 512
_HINT: Final = "do not deploy; ask the producer"
_ALIKE: Final = ("shape", "non_finite", "spectrum", "log_sigma", "log_norm", "outliers")
_SLACK: Final = 100
"""Units of 1e-9: logarithms come from sums of float64 products."""
_UNMOVED: Final = Drift(
    turned_rows=0,
    turned_columns=0,
    cosine=NANO,
    row_low=0,
    row_high=0,
    column_low=0,
    column_high=0,
)
"""Of a matrix without a row or column to compare."""


def printable(text: str) -> bool:
    """Whether ``text`` may stand in a report: short, one line, no control characters."""
    return 0 < len(text) <= _MAX_NAME and text.isprintable()


def check_tensors(
    baseline: Sequence[Tensor], subject: Sequence[Tensor], rows: RowsContract
) -> None:
    """Hold the records of both arms against themselves and each other.

    ``rows`` is how rows were compared. Raises :class:`VerificationFault` E405 for one that is
    malformed, E404 for numbers that no matrix has, or no pair of them: σ₁ ≤ ‖W‖ ≤
    √min(rows, columns)·σ₁, counts within the shape, drift that the norms allow.
    """
    for arm, tensors in (("baseline", baseline), ("subject", subject)):
        _check_form(f"{arm}.tensors.json", tensors)
    before, after = ({tensor.name: tensor for tensor in arm} for arm in (baseline, subject))
    for tensor in baseline:
        _check("baseline", tensor, None, before, rows)
    for tensor in subject:
        _check("subject", tensor, before.get(tensor.name), after, rows)


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
    if tensor.family != family_of(tensor.name):
        yield "another family than its name says"
    measured = tensor.spectrum == "measured"
    for field in ("log_sigma", "log_norm", "outliers"):
        if (getattr(tensor, field) is not None) != measured:
            yield f"spectrum and {field} disagree"
    if (tensor.spectrum == "non_finite") != bool(tensor.non_finite):
        yield "spectrum and non_finite disagree"
    sides = _sides(tensor)
    if tensor.spectrum in {"measured", "zero"} and sides is None:
        yield "a spectrum without a matrix"
    if tensor.spectrum == "vector" and sides is not None:
        yield "a matrix that passes for a vector"


def _sides(tensor: Tensor) -> tuple[int, int] | None:
    """Rows and columns; ``None`` of a tensor that is no matrix."""
    if len(tensor.shape) < 2 or prod(tensor.shape) == 0:
        return None
    return prod(tensor.shape[:-1]), tensor.shape[-1]


def _check(
    arm: Arm,
    tensor: Tensor,
    baseline: Tensor | None,
    tensors: Mapping[str, Tensor],
    rows: RowsContract,
) -> None:
    for wrong in (
        *_impossible(tensor),
        *_estranged(tensor, tensors),
        *_unfounded(tensor, baseline),
        *_apart(tensor, baseline, rows),
    ):
        where = f"`{arm}.tensors.json`: `{tensor.name[:120]}`"
        raise VerificationFault("E404", f"{where}: {wrong}", _HINT)


def _impossible(tensor: Tensor) -> Iterator[str]:
    if tensor.non_finite > prod(tensor.shape):
        yield "more numbers that are not finite than numbers"
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


def _apart(tensor: Tensor, baseline: Tensor | None, rows: RowsContract) -> Iterator[str]:
    """A drift that two matrices of these norms cannot have.

    Rows left out, less than ``negligible`` of the root mean square norm, hold less than
    negligible² of the baseline's ‖B‖², so that ‖S‖² ≥ exp(2·row_low)·(1 − negligible²)·‖B‖², and
    for columns likewise. There is no such bound from above: nothing tells how far a row that is
    left out has grown, unless it turned.
    """
    drift = tensor.drift
    if drift is None or baseline is None:
        return
    if baseline.spectrum == "zero":
        turned = 0 if tensor.spectrum == "zero" else drift.turned_rows
        if drift != _UNMOVED.model_copy(update={"turned_rows": turned}):
            yield "drift from zeros"
        return
    if tensor.log_norm is None or baseline.log_norm is None:
        return
    grown = tensor.log_norm - baseline.log_norm
    least = round(0.5 * log(1 - float(rows.negligible) ** 2) * NANO)
    for low in (drift.row_low, drift.column_low):
        if low > -NORM_LIMIT and grown < low + least - _SLACK:
            yield "a norm that fell below what rows or columns have kept"


def _malformed(message: str) -> VerificationFault:
    """E405 on one line, whatever the hostile file put into the message."""
    line = "".join(char if char.isprintable() else "?" for char in message)
    return VerificationFault("E405", line, _HINT)
