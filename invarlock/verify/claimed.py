"""What a statement says of its gates, held against what else it says, by the judge's own rules.

For where the evidence is not at hand. It makes no number true; but a statement whose own words do
not give its verdict is not taken at its word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from invarlock.attest.predicate import GateSummary, Predicate
from invarlock.judge import Key, Value, Values, decide
from invarlock.judge.signature import on_signature
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.intervals import describe_relation
from invarlock.policy.ir import BarIR, Gate
from invarlock.verify.result import Finding, Level, refused

_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?")
_AMOUNTS: Final = frozenset({"windows.preview", "windows.final", "windows.tokens"})
"""Of these, a run that stopped at an early look has seen less than is held against the bar."""


def check_claims(predicate: Predicate, producer: BarIR, consumer: BarIR) -> Iterator[Finding]:
    """Every gate that passes does by what is told of it; facts are those of the statement; and what
    is told passes the consumer's gate, too, where the bar has the same."""
    facts = _facts(predicate)
    told = {gate.id: gate for gate in predicate.gates}
    for gate in producer.gates:
        if gate.id in told:
            yield from _contradicted(gate, told[gate.id], facts.get(gate.measure))
    for gate in consumer.gates:
        if gate.level != "require" or gate.measure in _AMOUNTS or on_signature(gate.measure):
            continue
        if gate.measure in facts:
            value: Value | None = facts[gate.measure]
        else:
            summary = told.get(gate.id)
            value = None if summary is None else _value(gate, summary)
        if value is not None and not _passes(gate, value):
            what = f"what the statement says of `{gate.id}` does not pass your bar"
            yield _refused(what, _shown(value), describe_relation(gate))


def _contradicted(gate: Gate, told: GateSummary, fact: Value | None) -> Iterator[Finding]:
    if on_signature(gate.measure):
        return
    bound = describe_relation(gate)
    if told.bound != bound:
        yield _refused(f"`{gate.id}`: what the bar asks", told.bound, bound)
    if fact is not None and told.observed != fact.words:
        what = f"`{gate.id}` is told otherwise than what it is about"
        yield _refused(what, told.observed or "(nothing)", _shown(fact))
    if told.verdict == "pass" and gate.measure not in _AMOUNTS:
        value = _value(gate, told)
        if not _passes(gate, value):
            what = f"the gate `{gate.id}` is told to pass, and what was observed does not"
            yield _refused(what, _shown(value), bound)


def _facts(predicate: Predicate) -> dict[str, Value]:
    """What the statement says outside its gates, by the measure that is about it."""
    baseline, runtime = predicate.baseline, predicate.runtime
    words = {
        "evidence.origin": predicate.origin,
        "data.digest": predicate.data.digest,
        "baseline.digest": None if baseline is None else baseline.digest,
        "runtime.isolation": runtime.isolation,
        "runtime.network": runtime.network,
        "runtime.remote_code": runtime.remote_code,
        "runtime.pickle": runtime.pickle,
        "runtime.plugins": runtime.plugins,
    }
    return {
        name: Value("missing") if word is None else Value("ok", words=word)
        for name, word in words.items()
    }


def _value(gate: Gate, told: GateSummary) -> Value:
    """What a gate was decided by, as far as its summary goes."""
    measure = MEASURES.get(gate.measure)
    if told.observed is None or measure is None:
        return Value("missing", reason="nothing was observed")
    if measure.kind is not Kind.NUMBER:
        return Value("ok", words=told.observed)
    texts = (told.observed, *(told.interval or ()))
    if not all(map(_DECIMAL.fullmatch, texts)):
        return Value("non_finite", reason="no number")
    point, *ends = map(Decimal, texts)
    low, high = ends or (None, None)
    if low is not None and high is not None and low > high:
        return Value("non_finite", reason="an interval from high to low")
    return Value("ok", point, low, high)


def _passes(gate: Gate, value: Value) -> bool:
    """Whether ``value`` passes ``gate``: its interval, and where that is what decides, the point
    in it, which a statement could tell otherwise. A summary does not say which values are exact, so
    either reading will do."""
    gates = [gate] if gate.statistic == "point" else [gate, replace(gate, statistic="point")]
    return all(
        any(
            _verdict(one, replace(value, exact=exact)) == "pass"
            for exact in (True, False)
        )
        for one in gates
    )  # fmt: skip


def _verdict(gate: Gate, value: Value) -> str:
    alone = replace(gate, level="require", target=None)
    bar = BarIR(task="causal_lm", settings={}, gates=(alone,))
    return decide(bar, Values({Key(gate.measure): value})).verdict


def _shown(value: Value) -> str:
    if value.low is not None and value.high is not None:
        return f"{value.point} [{value.low}, {value.high}]"
    return str(value.words or value.point or value.reason or "(unknown)")[:200]


def _refused(what: str, found: str, expected: str) -> Finding:
    return refused(Level.BOUND, "E404", what, found=found[:200], expected=expected[:200])
