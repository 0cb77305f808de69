"""Weight matrices of the subject against the baseline's: shifts of ln σ₁, and structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from invarlock.canonical import nano_decimal
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Tensor
from invarlock.judge.values import Key, Value
from invarlock.policy.catalogue import FAMILIES

_SHIFT: Final = "spectral.shift"


@dataclass(frozen=True, slots=True)
class Shift:
    """How far ln σ₁ of one matrix moved, in nats; ``status`` as in :class:`Value`."""

    name: str
    family: str
    status: Literal["ok", "missing", "non_finite"]
    size: Decimal = Decimal(0)
    baseline: int | None = None
    subject: int | None = None
    reason: str = ""


def shifts(evidence: Evidence) -> tuple[Shift, ...]:
    """The shift of every matrix in either arm, by name. Vectors have none."""
    baseline, subject = _by_name(evidence, "baseline"), _by_name(evidence, "subject")
    found = (
        _shift(name, baseline.get(name), subject.get(name))
        for name in sorted(baseline.keys() | subject.keys())
    )
    return tuple(shift for shift in found if shift is not None)


def _by_name(evidence: Evidence, arm: Literal["baseline", "subject"]) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in evidence.tensors[arm]}


def _shift(name: str, before: Tensor | None, after: Tensor | None) -> Shift | None:
    kinds = [tensor.spectrum for tensor in (before, after) if tensor is not None]
    family = (before or after).family  # type: ignore[union-attr]  # a name comes from an arm
    if all(kind == "vector" for kind in kinds):
        return None
    if "non_finite" in kinds:
        return Shift(name, family, "non_finite", reason=f"`{name}` holds nan or infinity")
    if before is None or after is None or "vector" in kinds:
        return Shift(name, family, "missing", reason=f"`{name}` is no matrix in one arm")
    if kinds == ["zero", "zero"]:
        return Shift(name, family, "ok")
    if before.log_sigma is None or after.log_sigma is None:
        return Shift(name, family, "non_finite", reason=f"`{name}` is all zero in one arm")
    size = nano_decimal(abs(after.log_sigma - before.log_sigma))
    return Shift(name, family, "ok", size, before.log_sigma, after.log_sigma)


def worst(found: Sequence[Shift]) -> Shift | None:
    """The matrix that moved most; one that cannot be compared is worse than any."""
    order = ("ok", "missing", "non_finite")
    return max(found, key=lambda s: (order.index(s.status), s.size), default=None)


def spectral_values(evidence: Evidence) -> dict[Key, Value]:
    """``spectral.shift`` over all matrices, and of each family that has any."""
    found = shifts(evidence)
    out = {Key(_SHIFT): _largest(found)} if found else {}
    for family in FAMILIES:
        members = [shift for shift in found if shift.family == family]
        if members:
            out[Key(_SHIFT, "family", family)] = _largest(members)
    return out


def _largest(found: Sequence[Shift]) -> Value:
    shift = worst(found)
    if shift is None or shift.status != "ok":
        status = "missing" if shift is None else shift.status
        return Value(status, reason="" if shift is None else shift.reason)
    return Value("ok", shift.size, reason=f"largest in `{shift.name}`")


def invariant_values(evidence: Evidence) -> dict[Key, Value]:
    """``invariants.non_finite`` and ``invariants.structure``; none for an arm without tensors."""
    baseline, subject = _by_name(evidence, "baseline"), _by_name(evidence, "subject")
    if not baseline or not subject:
        return {}
    strange = baseline.keys() ^ subject.keys()
    reshaped = {
        name
        for name in baseline.keys() & subject.keys()
        if baseline[name].shape != subject[name].shape
    }
    return {
        Key("invariants.non_finite"): _non_finite(baseline, subject),
        Key("invariants.structure"): Value(
            "ok", Decimal(len(strange) + len(reshaped)), reason=_named(sorted(strange | reshaped))
        ),
    }


def _non_finite(baseline: dict[str, Tensor], subject: dict[str, Tensor]) -> Value:
    broken = sorted(name for name, tensor in subject.items() if tensor.non_finite)
    reason = _named(broken)
    before = sum(tensor.non_finite for tensor in baseline.values())
    if before:
        reason = "; ".join(filter(None, (reason, f"the baseline itself holds {before}")))
    return Value("ok", Decimal(sum(subject[name].non_finite for name in broken)), reason=reason)


def _named(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"in `{names[0]}`{more}"
