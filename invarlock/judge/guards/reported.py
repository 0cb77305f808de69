"""The guards' part of a report: their verdicts, and all that they saw, gated or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar, get_args

from invarlock.canonical import decimal_text, nano_decimal
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import ARMS
from invarlock.judge.guards.layers import growths, layers_by_name
from invarlock.judge.guards.layers import shifts as layer_shifts
from invarlock.judge.guards.pairs import Found, by_name, worst
from invarlock.judge.guards.spectral import shifts
from invarlock.judge.records import GuardName, GuardReport, WorstTensor
from invarlock.judge.values import Value, Values
from invarlock.judge.verdict import Verdict, gravest

_T = TypeVar("_T")
_GUARDS: Final[tuple[GuardName, ...]] = get_args(GuardName)


def guard_reports(evidence: Evidence, values: Values, verdict: Verdict) -> tuple[GuardReport, ...]:
    """One record for each guard, in the order of their names' declaration."""
    return tuple(_guard(name, evidence, values, verdict) for name in _GUARDS)


def _guard(name: GuardName, evidence: Evidence, values: Values, verdict: Verdict) -> GuardReport:
    prefix = name + "."
    measures = {
        key.measure if key.kind == "all" else f"{key.measure} on {key.name}": _text(value)
        for key, value in sorted(values.items.items())
        if key.measure.startswith(prefix)
    }
    required = [
        gate.verdict
        for gate in verdict.gates
        if gate.measure.startswith(prefix) and gate.level == "require" and gate.verdict != "pending"
    ]
    outcome = gravest(required) if required else "ungated"
    find = _WORST.get(name)
    moved = None if find is None else find(evidence)
    return GuardReport(name=name, verdict=outcome, measures=measures, worst=moved)


def _text(value: Value) -> str | None:
    return None if value.point is None else decimal_text(value.point)


def _matrix(evidence: Evidence) -> WorstTensor | None:
    """The matrix whose ln σ₁ moved most."""
    tensors = (by_name(evidence, arm) for arm in ARMS)
    return _of_both(worst(shifts(evidence)), tensors, lambda one: one.log_sigma)


def _fastest(evidence: Evidence) -> WorstTensor | None:
    """The layer whose edge risk grew most."""
    layers = (layers_by_name(evidence, arm) for arm in ARMS)
    return _of_both(worst(growths(evidence)), layers, lambda one: one.risk)


def _shifted(evidence: Evidence) -> WorstTensor | None:
    """The block whose spread moved most."""
    layers = (layers_by_name(evidence, arm) for arm in ARMS)
    return _of_both(worst(layer_shifts(evidence)), layers, lambda one: one.log_spread)


def _of_both(
    found: Found | None, arms: Iterable[Mapping[str, _T]], units: Callable[[_T], int | None]
) -> WorstTensor | None:
    """What was found, with what ``units`` tells of it in each arm that has it, in 1e-9."""
    if found is None:
        return None
    both = (arm.get(found.name) for arm in arms)
    baseline, subject = (None if one is None else _decimal(units(one)) for one in both)
    return WorstTensor(name=found.name, family=found.family, baseline=baseline, subject=subject)


def _decimal(units: int | None) -> str | None:
    return None if units is None else decimal_text(nano_decimal(units))


_WORST: Final[Mapping[GuardName, Callable[[Evidence], WorstTensor | None]]] = {
    "spectral": _matrix,
    "rmt": _fastest,
    "variance": _shifted,
}
