"""What one gate accepts, as a set, and elements of it.

A region is a relation cut down to what the measure can take: its natural range, whole numbers, its
words. ``None`` is the region of no gate at all: everything, what is missing and NaN included. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import Kind, Measure
from invarlock.policy.compare.signers import witness
from invarlock.policy.intervals import (
    intersect,
    intersect_intervals,
    interval_of,
    is_empty,
    reach,
)
from invarlock.policy.ir import Interval, Member, Relation, Signers
from invarlock.policy.signers import KeySigner, WorkflowSigner

Region = Relation | None

_PRECISION: Final = 400
"""Digits of the working context: sums of numbers of :data:`MAX_DIGITS` digits are exact in it."""
MAX_DIGITS: Final = 100
"""Characters of a number in a bar that is compared; a source has at most 40."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a region: a number, a word, an identity, or, with none of these, nothing:
    the value that is missing."""

    number: Decimal | None = None
    words: str | None = None
    identity: KeySigner | WorkflowSigner | None = None


NOTHING: Final = Element()


def region_of(relation: Relation, measure: Measure) -> Relation | None:
    """What ``relation`` accepts of what ``measure`` can take; ``None`` if that is nothing."""
    if isinstance(relation, Interval):
        reached = reach(relation, measure)
        return None if is_empty(reached) else reached
    if isinstance(relation, Member) and measure.kind is Kind.WORD:
        known = tuple(sorted({*relation.values} & {*measure.words}))
        return Member(values=known) if known else None
    return relation


def common(a: Region, b: Region, measure: Measure) -> Relation | None:
    """What two gates on one value both accept; ``None`` if that is nothing."""
    if a is None or b is None:
        return a or b
    both = intersect(a, b)
    return None if both is None else region_of(both, measure)


def present(measure: Measure) -> Relation:
    """The region of a gate on a number that only asks for the value to be there."""
    return reach(Interval(), measure)


def some(region: Relation) -> Element:
    """An element of ``region``."""
    if isinstance(region, Interval):
        return Element(number=_near(region, high_first=True))
    if isinstance(region, Member):
        return Element(words=region.values[0])
    return Element(identity=_identity(region.rules[0]))


def _identity(rule: KeySigner | WorkflowSigner) -> KeySigner | WorkflowSigner:
    """Somebody whom ``rule`` allows: every star stands for nothing, or for one letter."""
    if isinstance(rule, KeySigner):
        return rule
    parts = ("repository", "workflow", "ref", "issuer")
    texts = [getattr(rule, part).replace("*", "") or "x" for part in parts]
    repository, workflow, ref, issuer = texts
    return WorkflowSigner(repository=repository, workflow=workflow, ref=ref, issuer=issuer)


def outside(inner: Region, outer: Region, measure: Measure) -> Element | None:
    """An element that ``inner`` accepts and ``outer`` does not; ``None`` if there is none.

    Raises :class:`Inconclusive` E136 for signers that are too large to compare.
    """
    if outer is None:
        return None
    if inner is None:
        return _refused(outer, measure) or NOTHING
    if isinstance(inner, Interval) and isinstance(outer, Interval):
        number = _number_outside(inner, outer, measure)
        return None if number is None else Element(number=number)
    if isinstance(inner, Member) and isinstance(outer, Member):
        word = next((word for word in inner.values if word not in outer.values), None)
        return None if word is None else Element(words=word)
    if isinstance(inner, Signers) and isinstance(outer, Signers):
        identity = witness(outer, inner)
        return None if identity is None else Element(identity=identity)
    raise TypeError("relations of two kinds on one measure")


def _refused(outer: Relation, measure: Measure) -> Element | None:
    """A value of ``measure`` that ``outer`` does not accept; ``None`` if it accepts them all."""
    if isinstance(outer, Interval):
        return outside(present(measure), outer, measure)
    if isinstance(outer, Signers):
        return Element(identity=KeySigner(key=_unlisted(outer)))
    words = measure.words if measure.kind is Kind.WORD else _digests(len(outer.values) + 1)
    word = next((word for word in words if word not in outer.values), None)
    return None if word is None else Element(words=word)


def _digests(count: int) -> tuple[str, ...]:
    """Some digests, none twice."""
    return tuple(f"sha256:{number:064x}" for number in range(count))


def _unlisted(signers: Signers) -> str:
    """A key that no rule names."""
    keys = {rule.key for rule in signers.rules if isinstance(rule, KeySigner)}
    return next(key for key in _digests(len(keys) + 1) if key not in keys)


def _number_outside(inner: Interval, outer: Interval, measure: Measure) -> Decimal | None:
    """A number of ``inner`` beyond an end of ``outer``: its own end there, if that is inside."""
    if outer.high is not None:
        bound = Decimal(outer.high)
        if inner.high is not None and inner.high_closed:
            end = Decimal(inner.high)
            if end > bound or (end == bound and not outer.high_closed):
                return end
        else:
            above = interval_of(bound, None, low_closed=not outer.high_closed)
            part = reach(intersect_intervals(inner, above), measure)
            if not is_empty(part):
                return _near(part, high_first=True)
    if outer.low is not None:
        bound = Decimal(outer.low)
        if inner.low is not None and inner.low_closed:
            end = Decimal(inner.low)
            if end < bound or (end == bound and not outer.low_closed):
                return end
        else:
            below = interval_of(None, bound, high_closed=not outer.low_closed)
            part = reach(intersect_intervals(inner, below), measure)
            if not is_empty(part):
                return _near(part, high_first=False)
    return None


def _near(interval: Interval, *, high_first: bool) -> Decimal:
    """A number of a part that is not empty: its far end if that is inside, else one that is."""
    low = None if interval.low is None else Decimal(interval.low)
    high = None if interval.high is None else Decimal(interval.high)
    ends = [(high, interval.high_closed), (low, interval.low_closed)]
    for end, closed in ends if high_first else reversed(ends):
        if end is not None and closed:
            return end
    with localcontext() as context:
        context.prec = _PRECISION
        if low is None:
            return Decimal(0) if high is None else high - 1
        return low + 1 if high is None else (low + high) / 2


def number_text(element: Element) -> str | None:
    """The number of ``element`` in its one spelling."""
    return None if element.number is None else decimal_text(element.number)
