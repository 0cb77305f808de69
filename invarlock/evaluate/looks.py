"""Measuring until the bar is decided: a run is judged at every look that its bar plans.

A bar that plans one look, as bars do that say nothing of looks, is measured whole. Else the windows
are measured in spans, up to the end of one look after the other, and the judge that writes the
report, and that every verifier asks again, judges what there is by then.

*Decided* is what has the verdict ``pass`` or ``fail``:

- ``fail`` as soon as one required gate fails: no other gate can mend that;
- ``pass`` only where every required gate passes at the same look. A gate that passed at an earlier
  look has to pass again, and what waits for the last look holds the run up: a measure of windows
  without an interval, one with too few documents or windows, one that needs preview windows.

Both at the level that alpha spending leaves to that look (:mod:`invarlock.judge.spending`). A pass
needs that every gate crosses its limit, so that several gates err no more often than one does.
Warnings do not hold a run up, since no verdict depends on them: one that cannot be told yet is
shown as such. Gates on a signature have no effect before there is one.

Nobody chooses when to look: the evidence states the look at which the run stopped, its windows must
be those of that look, and the verifier judges at that look's level. Who goes on after a ``fail``
gains nothing: the level of each look allows for a pass at any of them, whatever happened on the
other side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from invarlock.evaluate.assemble import assemble, observed
from invarlock.evaluate.inputs import Inputs, Measured
from invarlock.evaluate.session import Session
from invarlock.evidence.looks import look_ends
from invarlock.evidence.schema import Contract, RuntimeFacts, Schedule
from invarlock.evidence.store import read_evidence
from invarlock.judge.decide import decide
from invarlock.judge.estimate import estimate
from invarlock.judge.signature import PENDING
from invarlock.judge.verdict import Outcome
from invarlock.measure.job import Span
from invarlock.policy.ir import BarIR
from invarlock.security.manifest import runtime_facts

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a run stopped: its inputs, whose schedule names the look, and what both arms left."""

    inputs: Inputs
    arms: tuple[Measured, Measured]


def look_spans(schedule: Schedule, contract: Contract) -> tuple[Span, ...]:
    """What is measured for each look; preview windows come with the last."""
    ends = look_ends(schedule.final, contract.estimate.looks)
    marks = (0, *ends[:-1], schedule.final + schedule.preview)
    return tuple(Span(start=start, stop=stop) for start, stop in pairwise(marks))


def measure_until_decided(session: Session, bar: BarIR, say: Say) -> Reached:
    """Measure look by look until ``bar`` is decided, or all that it plans is measured.

    Raises like :meth:`Session.measure`, and :class:`VerificationFault` when a boundary left
    evidence that no verifier would take.
    """
    inputs = session.inputs
    spans = look_spans(inputs.schedule, inputs.contract)
    for look, span in enumerate(spans, start=1):
        name = f"look {look} of {len(spans)}"
        if len(spans) > 1:
            stop = min(span.stop, inputs.schedule.final)
            say(f"{name}: up to {stop} of {inputs.schedule.final} final windows")
        session.measure(span)
        schedule = inputs.schedule.model_copy(update={"look": look})
        reached = Reached(replace(inputs, schedule=schedule), session.arms())
        if look == len(spans):
            break
        with session.watch("judge"):
            verdict = _verdict(reached, bar)
        if verdict in {"pass", "fail"}:
            say(f"{name}: {verdict}, decided")
            break
        say(f"{name}: {verdict} so far")
    return reached


def _verdict(reached: Reached, bar: BarIR) -> Outcome:
    """What the judge says of what there is, read back as a verifier reads it."""
    facts = RuntimeFacts.model_validate(runtime_facts(observed(reached.inputs, *reached.arms)))
    evidence = read_evidence(assemble(reached.inputs, *reached.arms), facts)
    return decide(bar, estimate(evidence, evidence.header.contract).also(PENDING)).verdict
