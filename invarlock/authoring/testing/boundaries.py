"""Boundary cases, made for every bound of every bar: on it, beside it, across it, and absent.

They test the judge on the policy at hand, and count as no tests of the policy: nobody wrote down
what they should come to. What is expected follows from the written relation alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final

from invarlock.authoring.testing.oracle import gravest_of, outcome
from invarlock.authoring.testing.suppose import ABSENT, inside, keys_of, numeric, readers
from invarlock.judge import GateOutcome, Key, Outcome, Value, Values, decide
from invarlock.policy.catalogue import MEASURES, Kind, Measure
from invarlock.policy.intervals import WHOLE_UNITS, range_interval
from invarlock.policy.ir import BarIR, Gate, Interval, Member, PolicyIR
from invarlock.policy.signers import KeySigner

_LAST_PLACE: Final = Decimal("1e-9")
"""Values are rounded to this."""
_PRECISION: Final = 100
_OTHER: Final = "sha256:" + "0" * 64
"""A digest, or a key, that no policy means."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """One case: where its value lies, what was expected of it, and what came."""

    bar: str
    gate: str
    place: str
    expected: Outcome = "pass"
    came: GateOutcome = "pass"

    @property
    def passed(self) -> bool:
        """Whether the judge made of the value what the relation says."""
        return self.expected == self.came


@dataclass(frozen=True, slots=True)
class BoundaryRun:
    """All boundary cases of a policy: how many over how many bars, and those that failed."""

    cases: int
    bars: int
    failures: tuple[Boundary, ...]


def run_boundaries(ir: PolicyIR) -> BoundaryRun:
    """Make and judge the boundary cases of every bar."""
    found = [case for name, bar in ir.bars.items() for case in _bar(name, bar)]
    failures = tuple(case for case in found if not case.passed)
    return BoundaryRun(len(found), len(ir.bars), failures)


def _bar(name: str, bar: BarIR) -> Iterator[Boundary]:
    by_key = readers(bar.gates)
    anchor = next(gate for gate in bar.gates if gate.level == "require")
    for gate in bar.gates:
        key = keys_of(gate.measure, gate.target)[0]
        # What does not read the value passes and changes nothing; one required gate is kept, so
        # that the part is a bar.
        part = _part(bar, (*by_key[key], anchor))
        passing = {
            other: inside(found) for other, found in readers(part.gates).items() if other != key
        }
        for place, value in _values(gate):
            yield _judged(Boundary(name, gate.id, place), part, {**passing, key: value}, key)


def _part(bar: BarIR, gates: tuple[Gate, ...]) -> BarIR:
    """``bar`` with these gates, each once, in the order of their ids."""
    unique = {gate.id: gate for gate in gates}
    ordered = tuple(unique[gate_id] for gate_id in sorted(unique))
    return BarIR(task=bar.task, settings=bar.settings, gates=ordered)


def _judged(case: Boundary, part: BarIR, items: dict[Key, Value], key: Key) -> Boundary:
    """``case``, whose value is at ``key``, with what came of its gate; of the verdict over all
    gates, where only that is not as expected."""
    verdict = decide(part, Values(items))
    outcomes = {
        gate.id: outcome(gate, items[key]) if key in keys_of(gate.measure, gate.target) else "pass"
        for gate in part.gates
    }
    came = next(result.verdict for result in verdict.gates if result.id == case.gate)
    found = replace(case, expected=outcomes[case.gate], came=came)
    overall = gravest_of(outcomes[gate.id] for gate in part.gates if gate.level == "require")
    if found.passed and verdict.verdict != overall:
        place = f"{case.place}, over all"
        return replace(case, place=place, expected=overall, came=verdict.verdict)
    return found


def _values(gate: Gate) -> Iterator[tuple[str, Value]]:
    measure = MEASURES[gate.measure]
    match gate.relation:
        case Interval():
            yield from _around(gate, gate.relation, measure)
        case Member():
            yield from ((f"`{word}`", Value("ok", words=word)) for word in gate.relation.values)
            others = (_OTHER,) if measure.kind is Kind.DIGEST else measure.words
            for word in others:
                if word not in gate.relation.values:
                    yield f"`{word}`", Value("ok", words=word)
        case _:
            yield "a signer allowed", inside([gate])
            yield "another signer", Value("ok", identity=KeySigner(key=_OTHER))
    yield "missing", ABSENT["missing"]
    yield "unpaired", ABSENT["unpaired"]
    yield "nan", ABSENT["nan"]
    if measure.interval:
        few = inside([gate]).point
        yield "too few documents", Value("ok", few, reason="supposed too few")


def _around(gate: Gate, allowed: Interval, measure: Measure) -> Iterator[tuple[str, Value]]:
    step = Decimal(1) if measure.unit in WHOLE_UNITS else _LAST_PLACE
    limits = range_interval(measure.range)
    with localcontext() as context:
        context.prec = _PRECISION
        for side, text in (("low", allowed.low), ("high", allowed.high)):
            if text is None:
                continue
            bound = Decimal(text)
            outward = step if side == "high" else -step
            for place, point in (
                ("on", bound),
                ("just inside", bound - outward),
                ("just outside", bound + outward),
            ):
                if limits.contains(point):
                    yield f"{place} the {side} bound {text}", numeric(measure, point)
            if measure.interval and gate.statistic == "estimate":
                ends = sorted((bound - outward, bound + outward))
                if all(map(limits.contains, ends)):
                    yield f"across the {side} bound {text}", numeric(measure, bound, *ends)
