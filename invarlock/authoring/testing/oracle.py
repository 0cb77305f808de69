"""What a relation, as written, must make of a value: reasoned out apart from the judge.

Boundary cases hold ``decide`` against this. It shares no code with it: ends are compared as exact
fractions, an interval of values against an interval of allowed numbers (DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from invarlock.judge import Outcome, Value
from invarlock.policy.catalogue import MEASURES, Unit
from invarlock.policy.ir import Gate, Interval, Member, Signers

_COUNTED: Final = frozenset({Unit.COUNT, Unit.TOKENS, Unit.WINDOWS})
_EVIDENCE: Final = frozenset({"windows", "contract"})
_RANK: Final[dict[Outcome, int]] = {"pass": 0, "inconclusive": 1, "incomplete": 2, "fail": 3}


def outcome(gate: Gate, value: Value) -> Outcome:
    """The verdict of ``gate`` on ``value``, an exact one."""
    if value.status in {"missing", "non_finite"}:
        return "incomplete"
    match gate.relation:
        case Member():
            return "pass" if value.words in gate.relation.values else "fail"
        case Signers():
            identity = value.identity
            allowed = identity is not None and gate.relation.accepts(identity)
            return "pass" if allowed else "fail"
        case Interval():
            return _numbers(gate, gate.relation, value)


def gravest_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Fail beats incomplete beats inconclusive beats pass; nothing at all is incomplete."""
    found = sorted(outcomes, key=_RANK.__getitem__)
    return found[-1] if found else "incomplete"


def _numbers(gate: Gate, allowed: Interval, value: Value) -> Outcome:
    measure = MEASURES[gate.measure]
    decided_by_interval = measure.interval and gate.statistic == "estimate"
    if decided_by_interval and (value.low is None or value.high is None):
        return "inconclusive"
    low, high = (value.low, value.high) if decided_by_interval else (value.point, value.point)
    if low is None or high is None:
        return "incomplete"
    first, last = _side(allowed, Fraction(low)), _side(allowed, Fraction(high))
    if first == last == 0:
        return "pass"
    if first != last or first == 0:
        return "inconclusive"
    # Both ends lie beyond one bound. Too little evidence says nothing against the subject.
    amount = measure.evidence in _EVIDENCE and measure.unit in _COUNTED
    return "incomplete" if amount and first < 0 else "fail"


def _side(allowed: Interval, number: Fraction) -> int:
    """-1 below what is allowed, 0 inside, 1 above."""
    if allowed.low is not None:
        low = Fraction(allowed.low)
        if number < low or (number == low and not allowed.low_closed):
            return -1
    if allowed.high is not None:
        high = Fraction(allowed.high)
        if number > high or (number == high and not allowed.high_closed):
            return 1
    return 0
