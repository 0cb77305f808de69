"""Values that pass a bar, and the values that a policy test supposes in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final

from invarlock.judge import Key, Value, Values
from invarlock.policy.catalogue import FAMILIES, MEASURES, Measure
from invarlock.policy.checked import Supposed
from invarlock.policy.intervals import WHOLE_UNITS, intersect, is_empty, reach
from invarlock.policy.ir import BarIR, Gate, Interval, Member, Relation, Signers, Target
from invarlock.policy.signers import KeySigner, WorkflowSigner

SignerRules = Mapping[str, KeySigner | WorkflowSigner]
"""The signers that a policy declares, by name."""

_PRECISION: Final = 100
ABSENT: Final = {
    "missing": Value("missing", reason="supposed missing"),
    "nan": Value("non_finite", reason="supposed nan"),
    "unpaired": Value("missing", reason="windows supposed unpaired"),
}
"""What stands for the words that a test can give instead of a value."""


def keys_of(measure: str, target: Target | None) -> tuple[Key, ...]:
    """The values that are spoken of: one, or one for each family there is."""
    if target is None:
        return (Key(measure),)
    if target.kind == "each":
        return tuple(Key(measure, "family", family) for family in FAMILIES)
    return (Key(measure, target.kind, target.name),)


def readers(gates: Iterable[Gate]) -> dict[Key, list[Gate]]:
    """For each value, the gates that read it: an estimate and its ``.point`` read one."""
    found: dict[Key, list[Gate]] = {}
    for gate in gates:
        for key in keys_of(gate.measure, gate.target):
            found.setdefault(key, []).append(gate)
    return found


def passing(bar: BarIR) -> dict[Key, Value]:
    """A value for each that ``bar`` reads, such that every gate passes."""
    return {key: inside(gates) for key, gates in readers(bar.gates).items()}


def inside(gates: Sequence[Gate]) -> Value:
    """A value of one measure that all of ``gates`` accept; what the first accepts if there is
    none."""
    measure = MEASURES[gates[0].measure]
    relation: Relation = gates[0].relation
    for gate in gates[1:]:
        both = intersect(relation, gate.relation)
        if both is not None and not (isinstance(both, Interval) and is_empty(both)):
            relation = both
    match relation:
        case Member():
            return Value("ok", words=relation.values[0])
        case Signers():
            return Value("ok", identity=identity_of(relation.rules[0]))
        case Interval():
            return numeric(measure, _middle(reach(relation, measure), measure))


def identity_of(rule: KeySigner | WorkflowSigner) -> KeySigner | WorkflowSigner:
    """An identity that ``rule`` allows: each ``*`` stands for ``x``."""
    if isinstance(rule, KeySigner):
        return rule
    return WorkflowSigner(
        **{
            part: getattr(rule, part).replace("*", "x")
            for part in ("repository", "workflow", "ref", "issuer")
        }
    )


def numeric(
    measure: Measure, point: Decimal, low: Decimal | None = None, high: Decimal | None = None
) -> Value:
    """An exact value; where the measure has an interval and none is given, it is one point."""
    if not measure.interval:
        return Value("ok", point)
    return Value("ok", point, point if low is None else low, point if high is None else high)


def _middle(allowed: Interval, measure: Measure) -> Decimal:
    """A number well inside: halfway, or one unit from the only bound."""
    with localcontext() as context:
        context.prec = _PRECISION
        low = None if allowed.low is None else Decimal(allowed.low)
        high = None if allowed.high is None else Decimal(allowed.high)
        if low is not None and high is not None:
            return (low + high) // 2 if measure.unit in WHOLE_UNITS else (low + high) / 2
        if high is not None:
            return high - 1
        return Decimal(0) if low is None else low + 1


def suppose(bar: BarIR, supposed: Iterable[Supposed], signers: SignerRules) -> Values:
    """The values of a test: those supposed, and passing ones for all else that ``bar`` reads.

    What is said of one family goes before what is said of each.
    """
    items = passing(bar)
    ordered = sorted(supposed, key=lambda s: s.target is None or s.target.kind != "each")
    for found in ordered:
        value = _value(found, signers)
        items |= dict.fromkeys(keys_of(found.measure, found.target), value)
    return Values(items)


def _value(found: Supposed, signers: SignerRules) -> Value:
    if found.status != "ok":
        return ABSENT[found.status]
    measure = MEASURES[found.measure]
    if found.point is not None:
        return numeric(measure, found.point, found.low, found.high)
    if found.words is not None and found.words in signers:
        return Value("ok", identity=identity_of(signers[found.words]))
    return Value("ok", words=found.words)
