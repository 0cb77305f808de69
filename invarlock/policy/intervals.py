"""Relations as sets: intersection, emptiness and inclusion, in exact decimals.

A relation of a gate accepts a set of values: an interval of numbers, or finitely many words.
Inclusion of these sets is what "at least as strict" means. A measure bounds the question: its
natural range (a share never exceeds 1), and whole numbers where it counts.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import cache, lru_cache
from typing import Final

from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import MEASURES, Kind, Measure, Range, Unit
from invarlock.policy.ir import Gate, Interval, Member, Relation, Signers
from invarlock.policy.signers import Budget, covers, describe_rule

WHOLE_UNITS: Final = frozenset({Unit.COUNT, Unit.TOKENS, Unit.WINDOWS})
"""Units of things that are counted one by one."""

_PRECISION: Final = 200
"""Digits of the working context: far above the cap on numbers, so that nothing is rounded."""


def interval_of(
    low: Decimal | None,
    high: Decimal | None,
    *,
    low_closed: bool = True,
    high_closed: bool = True,
) -> Interval:
    """The interval between two exact decimals; the openness of an absent end is normalised."""
    return Interval(
        low=None if low is None else decimal_text(low),
        low_closed=low_closed or low is None,
        high=None if high is None else decimal_text(high),
        high_closed=high_closed or high is None,
    )


@cache
def range_interval(limits: Range) -> Interval:
    """The natural range of a measure or setting as an interval."""
    return interval_of(
        limits.low, limits.high, low_closed=limits.low_closed, high_closed=limits.high_closed
    )


def is_empty(interval: Interval) -> bool:
    """Whether no number lies in ``interval``."""
    if interval.low is None or interval.high is None:
        return False
    low, high = Decimal(interval.low), Decimal(interval.high)
    if low != high:
        return low > high
    return not (interval.low_closed and interval.high_closed)


def intersect_intervals(a: Interval, b: Interval) -> Interval:
    """The numbers in both. The result may be empty."""
    low, low_closed = _stricter_low(a, b)
    high, high_closed = _stricter_high(a, b)
    return Interval(low=low, low_closed=low_closed, high=high, high_closed=high_closed)


def _stricter_low(a: Interval, b: Interval) -> tuple[str | None, bool]:
    if a.low is None or b.low is None:
        found = a if b.low is None else b
        return found.low, found.low_closed
    first, second = Decimal(a.low), Decimal(b.low)
    if first == second:
        return a.low, a.low_closed and b.low_closed
    return (a.low, a.low_closed) if first > second else (b.low, b.low_closed)


def _stricter_high(a: Interval, b: Interval) -> tuple[str | None, bool]:
    if a.high is None or b.high is None:
        found = a if b.high is None else b
        return found.high, found.high_closed
    first, second = Decimal(a.high), Decimal(b.high)
    if first == second:
        return a.high, a.high_closed and b.high_closed
    return (a.high, a.high_closed) if first < second else (b.high, b.high_closed)


def is_subset(a: Interval, b: Interval) -> bool:
    """Whether every number of ``a`` lies in ``b``: true of an empty ``a``."""
    return is_empty(a) or _same(intersect_intervals(a, b), a)


def _same(a: Interval, b: Interval) -> bool:
    ends = (a.low, a.low_closed, a.high, a.high_closed)
    return ends == (b.low, b.low_closed, b.high, b.high_closed)


def reach(interval: Interval, measure: Measure) -> Interval:
    """The part of ``interval`` that values of ``measure`` can reach.

    Clipped to the natural range; for counts, with ends moved to the whole numbers inside.
    """
    clipped = intersect_intervals(interval, range_interval(measure.range))
    return _whole(clipped) if measure.unit in WHOLE_UNITS else clipped


def canonical(relation: Relation, measure: Measure) -> Relation:
    """The one way to write what ``relation`` accepts of the values that ``measure`` can take.

    An interval is clipped to what can be reached, with whole ends where things are counted, and an
    end that the measure itself has is left out: ``> 4`` of a count is ``>= 5``, and ``in
    [97%, 100%]`` of a share is ``>= 0.97``. A signer whom another one covers is left out.
    Relations that accept the same values become equal; only signers that several others cover
    together may keep two forms.
    """
    match relation:
        case Interval():
            return _without_natural_ends(reach(relation, measure), measure.range)
        case Signers():
            return without_covered(relation)
        case Member():
            return relation


def _without_natural_ends(kept: Interval, limits: Range) -> Interval:
    natural = range_interval(limits)
    low = (kept.low, kept.low_closed)
    high = (kept.high, kept.high_closed)
    if low == (natural.low, natural.low_closed):
        low = (None, True)
    if high == (natural.high, natural.high_closed):
        high = (None, True)
    return Interval(low=low[0], low_closed=low[1], high=high[0], high_closed=high[1])


@lru_cache(maxsize=64)
def without_covered(signers: Signers) -> Signers:
    """``signers`` less the rules that one other rule covers."""
    rules = signers.rules
    return Signers(
        rules=tuple(
            rule
            for rule in rules
            if not any(covers(other, rule) for other in rules if other != rule)
        )
    )


def _whole(interval: Interval) -> Interval:
    fraction = "." in (interval.low or "") or "." in (interval.high or "")
    if not fraction and interval.low_closed and interval.high_closed:
        return interval
    with localcontext() as context:
        context.prec = _PRECISION
        low = high = None
        if interval.low is not None:
            low = Decimal(interval.low).to_integral_value(ROUND_CEILING)
            if low == Decimal(interval.low) and not interval.low_closed:
                low += 1
        if interval.high is not None:
            high = Decimal(interval.high).to_integral_value(ROUND_FLOOR)
            if high == Decimal(interval.high) and not interval.high_closed:
                high -= 1
    return interval_of(low, high)


def at_least_as_strict(
    child: Relation, parent: Relation, measure: Measure, budget: Budget | None = None
) -> bool:
    """Whether every value of ``measure`` that ``child`` accepts is accepted by ``parent``.

    Raises :class:`Inconclusive` E136 for signers whose globs are too large to tell; several
    questions may share a ``budget``.
    """
    if isinstance(child, Interval) and isinstance(parent, Interval):
        return is_subset(reach(child, measure), reach(parent, measure))
    if isinstance(child, Member) and isinstance(parent, Member):
        return set(child.values) <= set(parent.values)
    if isinstance(child, Signers) and isinstance(parent, Signers):
        return _includes(parent, child, budget)
    return False


def _includes(parent: Signers, child: Signers, budget: Budget | None) -> bool:
    from invarlock.policy.compare.signers import includes  # few policies name signers twice

    return includes(parent, child, budget)


def intersect(a: Relation, b: Relation, budget: Budget | None = None) -> Relation | None:
    """What both relations accept; ``None`` where they have no word in common or differ in kind,
    or where neither set of signers includes the other, so that no set of rules says it.

    An interval is returned even if it is empty: :func:`reach` and :func:`is_empty` tell. Raises
    as :func:`at_least_as_strict`.
    """
    if isinstance(a, Interval) and isinstance(b, Interval):
        return intersect_intervals(a, b)
    if isinstance(a, Member) and isinstance(b, Member):
        common = tuple(sorted(set(a.values) & set(b.values)))
        return Member(values=common) if common else None
    if isinstance(a, Signers) and isinstance(b, Signers):
        return a if _includes(b, a, budget) else b if _includes(a, b, budget) else None
    return None


def is_vacuous(relation: Relation, measure: Measure) -> bool:
    """Whether a numeric relation accepts every value that ``measure`` can take."""
    if not isinstance(relation, Interval) or measure.kind is not Kind.NUMBER:
        return False
    return is_subset(reach(Interval(), measure), relation)


def describe(relation: Relation) -> str:
    """The relation as text: ``<= 1.1``, ``in [0.95, 1.05]``, ``in {a, b}``."""
    if isinstance(relation, Member):
        return "in {" + ", ".join(relation.values) + "}"
    if isinstance(relation, Signers):
        return "in {" + "; ".join(map(describe_rule, relation.rules)) + "}"
    low, high = relation.low, relation.high
    if low is None and high is None:
        return "unbounded"
    if low is None:
        return f"{'<=' if relation.high_closed else '<'} {high}"
    if high is None:
        return f"{'>=' if relation.low_closed else '>'} {low}"
    if low == high and relation.low_closed and relation.high_closed:
        return f"== {low}"
    opening, closing = "[" if relation.low_closed else "(", "]" if relation.high_closed else ")"
    return f"in {opening}{low}, {high}{closing}"


def describe_relation(gate: Gate) -> str:
    """The relation of ``gate`` as text, numbers in the measure's unit: ``<= 1.1``.

    Where one value alone is left of what the measure can be, it says so: ``== 0``.
    """
    relation, measure = gate.relation, MEASURES.get(gate.measure)
    if isinstance(relation, Interval) and measure is not None:
        reached = reach(relation, measure)
        if reached.low is not None and reached.low == reached.high:
            return describe(reached)
    return describe(relation)
