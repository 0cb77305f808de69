"""Level `measured`: what guards say of weights, from both sets of weights again.

The same code as the engine's reads both folders inside the boundary, tensor by tensor, and every
record must be the one in the evidence: names, shapes, types, counts and words exactly, numbers to
:data:`~invarlock.verify.tolerance.WEIGHT_UNITS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from invarlock.canonical import Json
from invarlock.evidence.schema import ARMS, Arm, Tensor
from invarlock.verify.differences import ABSENT, differences
from invarlock.verify.result import Finding, Level, refused
from invarlock.verify.tolerance import WEIGHT_UNITS

_NUMBERS: Final = frozenset(
    {"log_sigma", "log_norm", "change"}
    | {f"drift.{name}" for name in ("cosine", "row_low", "row_high", "column_low", "column_high")}
)
"""Fields that are computed; all others are counted, or read as they are stored."""


def compare_tensors(
    signed: Mapping[Arm, Sequence[Tensor]], found: Mapping[Arm, Sequence[Tensor]]
) -> Iterator[Finding]:
    """Every field of every tensor that is not what was ``found``."""
    for arm in ARMS:
        claimed = {tensor.name: tensor for tensor in signed[arm]}
        there = {tensor.name: tensor for tensor in found[arm]}
        for name in sorted(claimed.keys() | there.keys()):
            if name not in there or name not in claimed:
                yield _differs(
                    f"{arm}: tensor `{name}`",
                    "in the evidence" if name in claimed else ABSENT,
                    "in the weights" if name in there else ABSENT,
                )
                continue
            for field, one, other in _fields(claimed[name], there[name]):
                yield _differs(f"{arm}: tensor `{name}`: `{field}`", one, other)


def _fields(signed: Tensor, found: Tensor) -> Iterator[tuple[str, str, str]]:
    one, other = signed.model_dump(mode="json"), found.model_dump(mode="json")
    for field, before, after in differences(one, other):
        near = field in _NUMBERS and _near(_at(one, field), _at(other, field))
        if not near:
            yield field, before, after


def _near(one: Json, other: Json) -> bool:
    return isinstance(one, int) and isinstance(other, int) and abs(one - other) <= WEIGHT_UNITS


def _at(record: Json, field: str) -> Json:
    for name in field.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _differs(what: str, found: str, expected: str) -> Finding:
    return refused(Level.MEASURED, "E430", what, found=found, expected=expected)
