"""A bound for one gate from the values that null edits gave it. Pure.

What counts of a value is what the gate would read of it: the harmful end of its interval, or the
point where there is no interval. With N null runs whose values can be exchanged with one another
and with the next one, the next value lies beyond the k-th largest with a probability of k/(N + 1)
at most, whatever the distribution (an order statistic as prediction bound: Wilks 1941; Vovk et al.
2005, section 2). The bound is the k-th largest for the largest k with k/(N + 1) within the wanted
false-alarm rate, rounded away from where nothing happened: rounding only lowers the rate. With
fewer than 1/rate - 1 runs no order statistic does, and there is no bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal, localcontext
from fractions import Fraction
from math import ceil, floor
from typing import Final

from invarlock.canonical import decimal_text
from invarlock.judge import Value, Values
from invarlock.policy.catalogue import MEASURES, Kind, Measure, Unit
from invarlock.policy.intervals import WHOLE_UNITS, interval_of
from invarlock.policy.ir import Gate, Interval
from invarlock.policy.words import relation_text
from invarlock.present import words

_DIGITS: Final = 2
"""Significant digits kept of the distance from where nothing happened."""
_LEAST: Final = Decimal("1e-8")
"""The least distance where numbers are rounded: the judge tells none apart within 1e-9."""
_FACTS: Final = frozenset({"baseline", "data", "estimate", "evidence", "runtime", "signature",
                           "subject", "tokenizer", "windows"})  # fmt: skip
"""Measures of how evidence was taken; no null edit moves them."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A gate with its new bound.

    Attributes:
        gate: the gate, its relation replaced.
        rank: which of the null runs' values the bound is, the largest being 1.
        extreme: that value.
        runs: null runs that it rests on.
        missed: how many of them the gate as it was would not have passed.
    """

    gate: Gate
    rank: int
    extreme: Decimal
    runs: int
    missed: int

    @property
    def words(self) -> str:
        """The gate in one line, and what its bound rests on."""
        place = "largest" if self.rank == 1 else f"{self.rank} from the largest"
        value = words.short(decimal_text(self.extreme))
        return f"{self.gate.id} {relation_text(self.gate)}: {place} of {self.runs} is {value}"


def least_runs(rate: Fraction) -> int:
    """The fewest null runs that a false-alarm rate can be had from."""
    return max(1, ceil(1 / rate) - 1)


def is_damage(gate: Gate) -> bool:
    """Whether the gate bounds a number that a damaged model moves."""
    measure = MEASURES[gate.measure]
    known = isinstance(gate.relation, Interval) and measure.kind is Kind.NUMBER
    return known and measure.harmful != "none" and gate.measure.split(".")[0] not in _FACTS


def calibrated(gate: Gate, runs: Sequence[Values], rate: Fraction) -> Calibrated | str:
    """The gate with a bound of its own, or why it has none.

    Raises ``ValueError`` where fewer than :func:`least_runs` are given.
    """
    measure = MEASURES[gate.measure]
    rank = floor((len(runs) + 1) * rate)
    if rank < 1:
        raise ValueError(f"{len(runs)} null runs, {least_runs(rate)} are needed")
    read: list[Decimal] = []
    for values in runs:
        ends = [_read(gate, measure, value) for _, value in values.of(gate.measure, gate.target)]
        if not ends or any(end is None for end in ends):
            return "a null run gave no value"
        # Of several families the gate is decided by the worst.
        read.append(_worst(measure, [end for end in ends if end is not None]))
    extreme = sorted(read, key=lambda end: _far(measure, end), reverse=True)[rank - 1]
    relation = _relation(measure, _far(measure, extreme))
    before = gate.relation
    missed = sum(not (isinstance(before, Interval) and before.contains(end)) for end in read)
    return Calibrated(replace(gate, relation=relation), rank, extreme, len(runs), missed)


def _read(gate: Gate, measure: Measure, value: Value) -> Decimal | None:
    """What the gate would read of ``value``; ``None`` where it could not pass on it."""
    if value.status != "ok" or value.point is None:
        return None
    if not measure.interval or gate.statistic == "point":
        return value.point
    if value.low is None or value.high is None:
        return None
    return _worst(measure, (value.low, value.high))


def _worst(measure: Measure, ends: Sequence[Decimal]) -> Decimal:
    return max(ends, key=lambda end: _far(measure, end))


# --- numbers -------------------------------------------------------------------------------------


def _neutral(measure: Measure) -> Decimal:
    """What the measure gives where nothing happened: ratios and shares are one, all else zero, a
    growth (a ratio less one) with it."""
    above_zero = measure.range.low == 0 and not measure.range.low_closed
    shrinks = measure.harmful == "below" or above_zero
    return Decimal(1) if measure.unit is Unit.RATIO and shrinks else Decimal(0)


def _far(measure: Measure, end: Decimal) -> Decimal:
    """How far ``end`` lies on the harmful side; of a ratio that may go both ways, by its factor."""
    neutral = _neutral(measure)
    match measure.harmful:
        case "below":
            return neutral - end
        case "both" if neutral == 1 and end > 0:
            with localcontext() as context:
                context.prec = 40
                return max(end, 1 / end) - 1
        case "both":
            return abs(end - neutral)
        case _:
            return end - neutral


def _relation(measure: Measure, far: Decimal) -> Interval:
    """The relation that lets everything in as far as ``far``, rounded outwards."""
    neutral, far = _neutral(measure), _outward(measure, far)
    match measure.harmful:
        case "below":
            return _within_range(measure, neutral - far, None)
        case "both" if neutral == 1:
            with localcontext() as context:
                context.prec = 40
                low = (1 / (1 + far)).quantize(Decimal(1).scaleb(far.adjusted() - 1), "ROUND_FLOOR")
            return _within_range(measure, low, 1 + far)
        case "both":
            return _within_range(measure, neutral - far, neutral + far)
        case _:
            return _within_range(measure, None, neutral + far)


def _within_range(measure: Measure, low: Decimal | None, high: Decimal | None) -> Interval:
    """An interval whose ends lie in the natural range of the measure."""
    if low is not None and measure.range.low is not None:
        low = max(low, measure.range.low)
    if high is not None and measure.range.high is not None:
        high = min(high, measure.range.high)
    return interval_of(low, high)


def _outward(measure: Measure, far: Decimal) -> Decimal:
    """``far`` rounded up: whole where things are counted, to two digits elsewhere."""
    if measure.unit in WHOLE_UNITS:
        return max(Decimal(0), far.to_integral_value(ROUND_CEILING))
    # A bound on the value itself would be too near to tell from it.
    wider = max(far + Decimal("2e-9"), _LEAST)
    step = Decimal(1).scaleb(wider.adjusted() - _DIGITS + 1)
    return (wider / step).to_integral_value(ROUND_CEILING) * step
