"""Matrices of both arms by name, and one number for each: the worst of all, and of each family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from invarlock.canonical import NANO
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Arm, Tensor
from invarlock.judge import exact
from invarlock.judge.values import Key, Value
from invarlock.policy.catalogue import FAMILIES

_ORDER: Final = ("ok", "missing", "non_finite")

Spectral = Callable[[Tensor, Tensor], Fraction]
"""From a matrix in the baseline and in the subject, both measured, to a number of their pair."""


@dataclass(frozen=True, slots=True)
class Found:
    """The number of one matrix; ``status`` as in :class:`Value`, ``reason`` why there is none."""

    name: str
    family: str
    status: Literal["ok", "missing", "non_finite"]
    number: Fraction = Fraction(0)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A matrix as it stands in each arm, ``None`` where an arm has none of that name."""

    name: str
    before: Tensor | None
    after: Tensor | None

    @property
    def family(self) -> str:
        """The family of the matrix."""
        one = self.before or self.after
        return "other" if one is None else one.family

    def spectral(self, number: Spectral) -> Found:
        """``number`` of the two spectra: 0 where both matrices are zero, none where one is."""
        before, after = self.before, self.after
        kinds = [tensor.spectrum for tensor in (before, after) if tensor is not None]
        if "non_finite" in kinds:
            return self._none("non_finite", "holds nan or infinity")
        if before is None or after is None or "vector" in kinds or before.shape != after.shape:
            return self._none("missing", "is no matrix of one shape in both arms")
        if kinds == ["zero", "zero"]:
            return Found(self.name, self.family, "ok")
        if "zero" in kinds:
            return self._none("non_finite", "is all zero in one arm")
        return Found(self.name, self.family, "ok", number(before, after))

    def drifting(self, number: Spectral) -> Found:
        """``number`` of rows and columns against the baseline's, which zeros have as well."""
        before, after = self.before, self.after
        if any(tensor is not None and tensor.non_finite for tensor in (before, after)):
            return self._none("non_finite", "holds nan or infinity")
        if before is None or after is None or after.drift is None:
            return self._none("missing", "is no matrix of one shape in both arms")
        return Found(self.name, self.family, "ok", number(before, after))

    def _none(self, status: Literal["missing", "non_finite"], reason: str) -> Found:
        return Found(self.name, self.family, status, reason=f"`{self.name}` {reason}")


def by_name(evidence: Evidence, arm: Arm) -> dict[str, Tensor]:
    """The tensors of one arm by name."""
    return {tensor.name: tensor for tensor in evidence.tensors[arm]}


def pairs(evidence: Evidence) -> tuple[Pair, ...]:
    """Every tensor that is a matrix in either arm, by name."""
    before, after = by_name(evidence, "baseline"), by_name(evidence, "subject")
    found = (Pair(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))
    return tuple(pair for pair in found if _is_matrix(pair.before) or _is_matrix(pair.after))


def _is_matrix(tensor: Tensor | None) -> bool:
    if tensor is None or tensor.spectrum == "vector":
        return False
    return len(tensor.shape) > 1


def worst(found: Sequence[Found]) -> Found | None:
    """The matrix with the largest number; one that has none is worse than any."""
    return max(found, key=lambda one: (_ORDER.index(one.status), one.number), default=None)


def largest(measure: str, found: Sequence[Found]) -> dict[Key, Value]:
    """``measure`` as the largest number over all matrices, and over each family that has any."""
    out = {Key(measure): _value(found)} if found else {}
    for family in FAMILIES:
        members = [one for one in found if one.family == family]
        if members:
            out[Key(measure, "family", family)] = _value(members)
    return out


def _value(found: Sequence[Found]) -> Value:
    one = worst(found)
    if one is None or one.status != "ok":
        return Value(
            "missing" if one is None else one.status, reason="" if one is None else one.reason
        )
    point, is_exact = exact.nano(one.number)
    return Value("ok", point, reason=f"largest in `{one.name}`", exact=is_exact)


def total(found: Sequence[Found]) -> Value:
    """The sum of whole numbers over all matrices; none where one of them has none."""
    one = worst(found)
    if one is None or one.status != "ok":
        return Value(
            "missing" if one is None else one.status, reason="" if one is None else one.reason
        )
    return Value("ok", Decimal(int(sum(each.number for each in found))), reason=_where(found))


def _where(found: Sequence[Found]) -> str:
    return named([one.name for one in sorted(found, key=lambda one: -one.number) if one.number])


def named(names: Sequence[str]) -> str:
    """``in `NAME` and N more``; nothing for none."""
    if not names:
        return ""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"in `{names[0]}`{more}"


def nats(units: int) -> Fraction:
    """A fixed-point number as an exact fraction."""
    return Fraction(units, NANO)
