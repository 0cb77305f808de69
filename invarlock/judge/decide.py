"""``decide``: hold values against a bar. Fail-closed, exact decimals, no arithmetic but margins.

The interval estimate decides: all inside passes, all outside fails, otherwise inconclusive. A
measure without an interval, or ``.point``, decides by its value. What is missing, NaN, infinite
or unpaired never passes (DESIGN section 3). Too little evidence says nothing against the subject:
an amount below its floor is incomplete, not failed (DESIGN section 9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from invarlock.canonical import decimal_text
from invarlock.judge.settle import windows_more
from invarlock.judge.signature import on_signature
from invarlock.judge.values import Key, Value, Values
from invarlock.judge.verdict import GateResult, Outcome, Verdict, gravest
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.intervals import WHOLE_UNITS, describe_relation
from invarlock.policy.ir import BarIR, Gate, Interval, Member, Signers
from invarlock.policy.signers import describe_rule

_SLACK: Final = Decimal("1e-9")
"""A value that was rounded, or went through exp or a float, and lies this near to its bound cannot
be told from it."""

_ABSENT: Final = {"missing": "missing", "non_finite": "not finite", "pending": "not known yet"}

_AMOUNTS: Final = frozenset(
    {"windows.preview", "windows.final", "windows.tokens", "estimate.resamples"}
)
"""Measures of how much evidence there is, not of what it shows."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """How one value came out against one relation."""

    verdict: Outcome
    value: Value
    reason: str
    ends: tuple[Decimal, Decimal] | None = None
    margin: Decimal | None = None


def decide(bar: BarIR, values: Values) -> Verdict:
    """The verdict of ``bar`` over ``values``. A bar that requires nothing is incomplete.

    Gates on a signature are ``pending``, without effect, where ``values`` say so of it; a bar that
    requires nothing else is incomplete then.
    """
    results = tuple(_gate(gate, values) for gate in bar.gates)
    required = [
        result.verdict
        for result in results
        if result.level == "require" and result.verdict != "pending"
    ]
    return Verdict(verdict=gravest(required), gates=results)


def _gate(gate: Gate, values: Values) -> GateResult:
    if _awaits_signature(gate, values):
        return _pending(gate, values)
    findings = [(_find(gate, value), key) for key, value in values.of(gate.measure, gate.target)]
    if not findings:
        nothing = Value("missing", reason=f"no {gate.target.name if gate.target else ''} to judge")
        findings = [(_find(gate, nothing), Key(gate.measure))]
    decisive = gravest(finding.verdict for finding, _ in findings)
    finding, key = min(
        (pair for pair in findings if pair[0].verdict == decisive),
        key=lambda pair: (pair[0].margin is not None, pair[0].margin or 0, pair[1]),
    )
    each = f"{key.name}: " if gate.target is not None and gate.target.kind == "each" else ""
    return GateResult(
        id=gate.id,
        measure=gate.measure,
        level=gate.level,
        verdict=finding.verdict,
        unit=_unit(gate),
        observed=_observed(finding.value),
        interval=_texts(finding.ends) if _has_interval(gate) and finding.ends else None,
        bound=describe_relation(gate),
        margin=None if finding.margin is None else decimal_text(finding.margin),
        reason=each + finding.reason,
    )


def _awaits_signature(gate: Gate, values: Values) -> bool:
    """Whether the gate is on a signature that is not made yet. Nothing else can wait."""
    if not on_signature(gate.measure) or gate.target is not None:
        return False
    return values.get(Key(gate.measure)).status == "pending"


def _pending(gate: Gate, values: Values) -> GateResult:
    return GateResult(
        id=gate.id,
        measure=gate.measure,
        level=gate.level,
        verdict="pending",
        unit=_unit(gate),
        observed=None,
        interval=None,
        bound=describe_relation(gate),
        margin=None,
        reason=values.get(Key(gate.measure)).reason,
    )


def _unit(gate: Gate) -> str:
    measure = MEASURES.get(gate.measure)
    return "word" if measure is None else str(measure.unit or measure.kind)


def _observed(value: Value) -> str | None:
    if value.point is None or not value.point.is_finite():
        return value.words
    return decimal_text(value.point)


def _texts(ends: tuple[Decimal, Decimal]) -> tuple[str, str]:
    return decimal_text(ends[0]), decimal_text(ends[1])


def _has_interval(gate: Gate) -> bool:
    measure = MEASURES.get(gate.measure)
    return measure is not None and measure.interval and gate.statistic == "estimate"


def _find(gate: Gate, value: Value) -> _Finding:
    """Hold one value against the gate."""
    if gate.measure not in MEASURES:
        return _Finding("incomplete", value, "not measured by this version")
    if value.status in _ABSENT:
        word = _ABSENT[value.status]
        return _Finding("incomplete", value, f"{word}: {value.reason}")
    if isinstance(gate.relation, Signers):
        return _signed(gate.relation, value)
    if isinstance(gate.relation, Member):
        return _member(gate.relation, gate, value)
    return _number(gate.relation, gate, value)


def _member(relation: Member, gate: Gate, value: Value) -> _Finding:
    if MEASURES[gate.measure].kind is Kind.NUMBER or value.words is None:
        return _Finding("incomplete", value, "a number is held against a set of words")
    if value.words in relation.values:
        return _Finding("pass", value, f"`{value.words}` is allowed")
    return _Finding("fail", value, f"`{value.words}` is not allowed")


def _signed(relation: Signers, value: Value) -> _Finding:
    if value.identity is None:
        return _Finding("incomplete", value, "a value that is no signer is held against signers")
    shown = replace(value, words=describe_rule(value.identity))
    if relation.accepts(value.identity):
        return _Finding("pass", shown, "the signer is allowed")
    return _Finding("fail", shown, "the signer is not allowed")


def _number(relation: Interval, gate: Gate, value: Value) -> _Finding:
    if value.point is None:
        return _Finding("incomplete", value, "a word is held against an interval of numbers")
    if value.status == "too_few":
        return _Finding("inconclusive", value, f"too few to tell: {value.reason}")
    if value.early and not _has_interval(gate):
        return _Finding("inconclusive", value, "it has no interval, and waits for the last look")
    low = high = value.point if value.planned is None else value.planned
    if _has_interval(gate):
        if value.low is None or value.high is None:
            return _Finding("inconclusive", value, f"no interval: {value.reason}")
        low, high = value.low, value.high
    if not (low.is_finite() and high.is_finite()):
        return _Finding("incomplete", value, "not a finite number")
    if not all(_possible(gate.measure, end, exact=value.exact) for end in (low, high)):
        return _Finding("incomplete", value, "outside the natural range of the measure")
    wide = _widened(gate.measure, low, high, value.exact)
    if relation.contains(wide[0]) and relation.contains(wide[1]):
        verdict: Outcome = "pass"
    elif _apart(relation, *wide):
        verdict = "incomplete" if _too_little(gate.measure, relation, high) else "fail"
    else:
        verdict = "inconclusive"
    margin = _margin(relation, low, high, verdict)
    reason = _sentence(gate, value, (low, high), verdict)
    if verdict == "inconclusive" and value.windows and not value.early:
        reason += _more(relation, value, (low, high))
    return _Finding(verdict, value, reason, (low, high), margin)


def _more(relation: Interval, value: Value, ends: tuple[Decimal, Decimal]) -> str:
    """What would probably settle it."""
    bounds = [Decimal(end) for end in (relation.low, relation.high) if end is not None]
    more = None if value.point is None else windows_more(value.windows, value.point, ends, bounds)
    if more is None:
        return "; the estimate is so near to the bound that more windows would hardly settle it"
    return (
        f"; {more} more windows would probably settle it, in a new run or as planned looks: "
        "a run that is extended is looked at twice"
    )


def _too_little(measure: str, relation: Interval, amount: Decimal) -> bool:
    """Whether ``amount``, which lies outside, is an amount of evidence below its floor."""
    return measure in _AMOUNTS and relation.low is not None and amount <= Decimal(relation.low)


def _possible(name: str, value: Decimal, *, exact: bool) -> bool:
    """Whether the measure can be ``value`` at all: in its natural range, whole where it counts.

    Canonical relations say nothing of other values (:func:`invarlock.policy.intervals.canonical`).
    """
    measure = MEASURES[name]
    if measure.unit in WHOLE_UNITS and value != value.to_integral_value():
        return False
    limits, slack = measure.range, Decimal(0) if exact else _SLACK
    if limits.low is not None and value < limits.low - slack:
        return False
    if limits.high is not None and value > limits.high + slack:
        return False
    at_open_end = (value == limits.low and not limits.low_closed) or (
        value == limits.high and not limits.high_closed
    )
    return not (exact and at_open_end)


def _widened(measure: str, low: Decimal, high: Decimal, exact: bool) -> tuple[Decimal, Decimal]:
    """The ends with the slack of an inexact value, kept within the measure's natural range."""
    if exact:
        return low, high
    natural = MEASURES[measure].range
    below, above = low - _SLACK, high + _SLACK
    if natural.low is not None:
        below = max(below, min(low, natural.low))
    if natural.high is not None:
        above = min(above, max(high, natural.high))
    return below, above


def _apart(relation: Interval, low: Decimal, high: Decimal) -> bool:
    """Whether nothing from ``low`` to ``high`` lies inside."""
    if relation.high is not None:
        bound = Decimal(relation.high)
        if low > bound or (low == bound and not relation.high_closed):
            return True
    if relation.low is not None:
        bound = Decimal(relation.low)
        if high < bound or (high == bound and not relation.low_closed):
            return True
    return False


def _margin(relation: Interval, low: Decimal, high: Decimal, verdict: Outcome) -> Decimal | None:
    """Distance from the end that decided to the nearest bound; positive inside.

    Outside, the nearer end decides, since all of the interval must be out; else the farther one.
    """
    outside = verdict in {"fail", "incomplete"}
    above, below = (low, high) if outside else (high, low)
    gaps = []
    if relation.high is not None:
        gaps.append(Decimal(relation.high) - above)
    if relation.low is not None:
        gaps.append(below - Decimal(relation.low))
    return min(gaps, default=None)


def _sentence(gate: Gate, value: Value, ends: tuple[Decimal, Decimal], verdict: Outcome) -> str:
    low, high = _texts(ends)
    what = f"interval [{low}, {high}]" if _has_interval(gate) else low
    if verdict == "incomplete":
        unit = MEASURES[gate.measure].unit
        return f"too little evidence: {low} {unit} there, `{describe_relation(gate)}` asked"
    if verdict == "inconclusive":
        relation = "cannot be told from the bound of" if low == high else "straddles a bound of"
    else:
        relation = "satisfies" if verdict == "pass" else "misses"
    if value.planned is not None:
        what = f"{low} planned, {_observed(value)} of them seen,"
    note = f" ({value.reason})" if value.reason else ""
    return f"{what} {relation} `{describe_relation(gate)}`{note}"
