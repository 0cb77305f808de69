"""From what was found to the answer: levels, outcome, exit code. Pure."""

from __future__ import annotations

from typing import Literal

from invarlock.errors import EXIT_INCONCLUSIVE, EXIT_VERIFICATION
from invarlock.verify.result import (
    BY_STRICTNESS,
    LIMITS,
    NOTHING,
    VERDICT_EXIT,
    Level,
    Outcome,
    Status,
    VerificationResult,
)
from invarlock.verify.state import State


def result_of(state: State) -> VerificationResult:
    """The answer: outcome, exit code, and what became of each level."""
    outcome, exit_code = _outcome(state)
    levels = _levels(state)
    statement = state.statement
    subject = statement.subject[0].digest.sha256 if statement is not None else None
    return VerificationResult(
        outcome=outcome,
        exit_code=exit_code,
        asked=state.request.level,
        levels=levels,
        signers=tuple(one.signer for one in state.signatures),
        vouched=tuple(one.shown for one in state.vouched if one.shown is not None),
        subject=None if subject is None else f"sha256:{subject}",
        origin=statement.predicate.origin if statement is not None else None,
        isolation=statement.predicate.runtime.isolation if statement is not None else None,
        bar=state.bar.used if state.bar is not None else None,
        producer_bar=state.producer_bar,
        policy_digest=state.policy_digest,
        strictness=state.strictness,
        registration=state.registration,
        judged_by=_judged_by(state),
        verdict=state.verdict.verdict if state.verdict is not None else None,
        gates=state.verdict.gates if state.verdict is not None else (),
        disclosed=state.disclosed,
        findings=tuple(state.findings),
        reproduction=state.reproduction,
        limits=_limits(state, levels),
    )


def _limits(state: State, levels: dict[Level, Status]) -> str:
    """What the highest level that was reached cannot see, whatever was asked for."""
    if _judged_by(state) == "strictness":
        return BY_STRICTNESS
    reached = [level for level, status in levels.items() if status is Status.REACHED]
    return LIMITS[reached[-1]] if reached else NOTHING


def _judged_by(state: State) -> Literal["evidence", "strictness"] | None:
    if state.verdict is None:
        return None
    return "strictness" if state.by_strictness else "evidence"


def _outcome(state: State) -> tuple[Outcome, int]:
    if state.any("refused"):
        return "refused", EXIT_VERIFICATION
    forgiven = state.absent if state.by_strictness else frozenset()
    if any(one.kind == "lacking" and one not in forgiven for one in state.findings):
        return "lacking", EXIT_INCONCLUSIVE
    if state.verdict is None:
        return "no-bar", EXIT_INCONCLUSIVE
    return state.verdict.verdict, VERDICT_EXIT[state.verdict.verdict]


def _levels(state: State) -> dict[Level, Status]:
    """What became of each level; one above a level that was not reached says nothing."""
    found: dict[Level, Status] = {}
    below = Status.REACHED
    for level in Level:
        if not state.request.asks(level):
            found[level] = Status.NOT_ASKED
            continue
        if state.any("refused", level):
            below = Status.FAILED
        elif below in {Status.FAILED, Status.BLOCKED}:
            below = Status.BLOCKED
        elif state.any("lacking", level):
            below = Status.LACKING
        found[level] = below
    return found
