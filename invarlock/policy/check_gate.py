"""Checks one gate against the catalogue: its measure, its target, its relation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal

from invarlock.canonical import canonical_bytes
from invarlock.policy import ir
from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Kind, Measure, Unit
from invarlock.policy.check_signer import SignerTable
from invarlock.policy.check_slice import slice_fault
from invarlock.policy.diagnostics import shown
from invarlock.policy.intervals import (
    describe,
    interval_of,
    is_empty,
    is_vacuous,
    range_interval,
    reach,
)
from invarlock.policy.names import did_you_mean, one_of
from invarlock.policy.problems import Problem
from invarlock.policy.quantity import convert
from invarlock.policy.syntax import (
    Bound,
    DigestText,
    Gate,
    In,
    Inside,
    Quantity,
    Relation,
    Scalar,
    Subject,
    Target,
    Text,
    Word,
)

_POINT: Final = ".point"
_CATALOGUE: Final = "see the catalogue in grammar/REFERENCE.md"
MAX_MEMBERS: Final = 1_000
"""Values that one set lists."""


def check_gate(gate: Gate, signers: SignerTable) -> ir.Gate:
    """The gate in IR form. Raises :class:`Problem` (E102 to E105, E108, E113, E126)."""
    measure, statistic, target = check_subject(gate.subject)
    relation: ir.Relation
    if measure.kind is Kind.NUMBER:
        relation = _numbers(measure, gate.subject.name.text, gate.relation)
    elif measure.kind is Kind.SIGNER:
        relation = _signers(measure, gate.relation, signers)
    else:
        relation = _members(measure, gate.relation)
    return ir.Gate(
        measure=measure.name,
        statistic=statistic,
        target=target,
        level=gate.level,
        relation=relation,
    )


def check_subject(
    subject: Subject,
) -> tuple[Measure, Literal["estimate", "point"], ir.Target | None]:
    """Measure, statistic and target of a subject. Raises :class:`Problem` E102 or E113."""
    name = subject.name.text
    statistic: Literal["estimate", "point"] = "estimate"
    measure = MEASURES.get(name)
    if measure is None and name.endswith(_POINT):
        statistic = "point"
        measure = MEASURES.get(name.removesuffix(_POINT))
    if measure is None:
        raise _unknown(subject.name)
    if statistic == "point" and not measure.interval:
        message = f"`{measure.name}` has no interval estimate, so `.point` says nothing"
        raise Problem("E113", message, f"write `{measure.name}`", subject.name.span)
    target = None if subject.target is None else _target(measure, subject.target)
    return measure, statistic, target


def _unknown(word: Word) -> Problem:
    name = word.text
    if name in SETTINGS:
        message = f"`{shown(name)}` is a setting, not a measure"
        return Problem("E102", message, f"write `{shown(name)} = …`", word.span)
    known = [*MEASURES, *(m.name + _POINT for m in MEASURES.values() if m.interval)]
    hint = did_you_mean(name, known, _CATALOGUE)
    return Problem("E102", f"unknown measure `{shown(name)}`", hint, word.span)


def _target(measure: Measure, target: Target) -> ir.Target:
    name = shown(target.name)
    if target.kind == "slice":
        if not measure.slices:
            message = f"`{measure.name}` is not measured on slices"
            raise Problem("E113", message, "remove `on …`", target.span)
        fault = slice_fault(target.name)
        if fault is not None:
            raise Problem("E103", f'the slice name "{name}" {fault[0]}', fault[1], target.span)
        return ir.Target(kind="slice", name=target.name)
    if target.kind == "each" and target.name != "family":
        message = f"unknown word `{name}` after `each`"
        raise Problem("E102", message, "did you mean `family`?", target.place)
    if not measure.families:
        may_be_slice = measure.slices and target.kind == "family"
        hint = f'for a slice write `on "{name}"`' if may_be_slice else "remove `on …`"
        message = f"`{measure.name}` is not measured on families of weights"
        raise Problem("E113", message, hint, target.span)
    if target.kind == "each":
        return ir.Target(kind="each", name="family")
    if target.name not in FAMILIES:
        hint = did_you_mean(target.name, FAMILIES, f"write {one_of(FAMILIES)}")
        raise Problem("E102", f"unknown family `{name}`", hint, target.span)
    return ir.Target(kind="family", name=target.name)


# --- numbers --------------------------------------------------------------------------------


def _numbers(measure: Measure, name: str, relation: Relation) -> ir.Interval:
    match relation:
        case Bound():
            value = number(measure, relation.value)
            interval = _bound(relation.operator, value)
        case Inside():
            interval = interval_of(
                number(measure, relation.low),
                number(measure, relation.high),
                low_closed=relation.low_closed,
                high_closed=relation.high_closed,
            )
        case In():
            message = f"`{name}` is a number, and `{{…}}` lists words"
            hint = "write `<=`, `>=`, `==` or `in [LOW, HIGH]`"
            raise Problem("E103", message, hint, relation.span)
    _check_reach(measure, interval, relation)
    return interval


def _check_reach(measure: Measure, interval: ir.Interval, relation: Relation) -> None:
    written = describe(interval)
    if is_empty(interval):
        point = interval.low == interval.high
        hint = f"write `== {interval.low}`" if point else "write the smaller number first"
        raise Problem("E108", f"no number lies `{written}`", hint, relation.span)
    limits = describe(range_interval(measure.range))
    if is_empty(reach(interval, measure)):
        message = f"`{measure.name}` never is `{written}`"
        raise Problem("E108", message, f"its natural range is `{limits}`", relation.span)
    if is_vacuous(interval, measure):
        message = f"`{measure.name}` always is `{written}`, so the gate can never fail"
        raise Problem("E104", message, f"its natural range is `{limits}`", relation.span)


def number(measure: Measure, value: Scalar) -> Decimal:
    """``value`` in the unit of ``measure``, inside its natural range.

    Raises :class:`Problem` E103 or E104.
    """
    unit = measure.unit or Unit.RATIO
    if not isinstance(value, Quantity):
        message = f"`{measure.name}` is a number, not `{shown(value.text)}`"
        raise Problem("E103", message, f"write it in {unit.value}", value.span)
    found = convert(value, unit, measure.name)
    low, high = measure.range.low, measure.range.high
    if (low is not None and found < low) or (high is not None and found > high):
        limits = describe(range_interval(measure.range))
        message = f"`{shown(value.text)}` is outside the natural range of `{measure.name}`"
        raise Problem("E104", message, f"its natural range is `{limits}`", value.span)
    return found


def _bound(operator: str, value: Decimal) -> ir.Interval:
    match operator:
        case "<=":
            return interval_of(None, value)
        case "<":
            return interval_of(None, value, high_closed=False)
        case ">=":
            return interval_of(value, None)
        case ">":
            return interval_of(value, None, low_closed=False)
        case _:
            return interval_of(value, value)


# --- words and digests ----------------------------------------------------------------------


def _members(measure: Measure, relation: Relation) -> ir.Member:
    match relation:
        case Bound(operator="=="):
            return ir.Member(values=(member(measure, relation.value),))
        case In():
            values = _distinct(measure, relation, lambda item: member(measure, item))
            return ir.Member(values=tuple(sorted(values)))
        case _:
            raise _no_order(
                measure, "a digest" if measure.kind is Kind.DIGEST else "a word", relation
            )


def _signers(measure: Measure, relation: Relation, signers: SignerTable) -> ir.Signers:
    """The rules of the signers named: sorted, none twice, so that their names do not matter."""
    match relation:
        case Bound(operator="=="):
            rules = [signers.use(relation.value)]
        case In():
            _distinct(measure, relation, lambda item: item.text)
            rules = [signers.use(item) for item in relation.values.items]
        case _:
            raise _no_order(measure, "a signer", relation)
    by_text = {canonical_bytes(rule.document()): rule for rule in rules}
    found = ir.Signers(rules=tuple(by_text[text] for text in sorted(by_text)))
    if isinstance(relation, In):
        signers.warn_covered(relation.values.items, rules, found)
    return found


def _no_order(measure: Measure, kind: str, relation: Relation) -> Problem:
    message = f"`{measure.name}` is {kind} and has no order"
    return Problem("E103", message, "write `==` or `in {…}`", relation.span)


def _distinct(measure: Measure, relation: In, read: Callable[[Scalar], str]) -> set[str]:
    values: set[str] = set()
    if len(relation.values.items) > MAX_MEMBERS:
        message = f"the set has more than {MAX_MEMBERS} values"
        raise Problem("E115", message, "list fewer", relation.span)
    for item in relation.values.items:
        value = read(item)
        if value in values:
            message = f"`{shown(value)}` stands twice in one set"
            raise Problem("E105", message, "keep one of the two", item.span)
        values.add(value)
    if not values:
        message = f"the set is empty, so `{measure.name}` can never pass"
        raise Problem("E108", message, "list the values allowed", relation.span)
    return values


def member(measure: Measure, value: Scalar) -> str:
    """``value`` as a word or digest that ``measure`` can take.

    Raises :class:`Problem` E102 or E103.
    """
    written = shown(value.text)
    if measure.kind is Kind.DIGEST:
        if not isinstance(value, DigestText):
            message = f"`{measure.name}` is a digest, not `{written}`"
            raise Problem("E103", message, "write `sha256:` and 64 hex digits", value.span)
        return value.text
    if not isinstance(value, Word):
        hint = "write it without quotes" if isinstance(value, Text) else ""
        message = f"`{measure.name}` is a word, not `{written}`"
        raise Problem("E103", message, hint or f"write {one_of(measure.words)}", value.span)
    if value.text not in measure.words:
        hint = did_you_mean(value.text, measure.words, f"write {one_of(measure.words)}")
        message = f"`{measure.name}` never is `{written}`"
        raise Problem("E102", message, hint, value.span)
    return value.text
