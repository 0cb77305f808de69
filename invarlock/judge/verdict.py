"""Verdicts as data: one result per gate, and one verdict over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from invarlock.policy.ir import DecimalText

Outcome = Literal["pass", "fail", "inconclusive", "incomplete"]
GateOutcome = Literal["pass", "fail", "inconclusive", "incomplete", "pending"]
"""How a gate came out. ``pending``: on a signature that is not made yet; only `verify` decides
it, and it has no part in a verdict."""

_GRAVITY: Final[tuple[Outcome, ...]] = ("fail", "incomplete", "inconclusive", "pass")
"""Fail beats incomplete beats inconclusive beats pass (DESIGN section 3)."""


def gravest(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome that beats the others; ``incomplete`` for none at all."""
    return min(outcomes, key=_GRAVITY.index, default="incomplete")


class Frozen(BaseModel):
    """Immutable and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class GateResult(Frozen):
    """How one gate came out.

    Attributes:
        id: the gate's key as the policy spells it, such as ``kl.mean on "code"``.
        measure: the measure's name.
        level: ``require`` or ``warn``; a warn never changes the verdict.
        verdict: how the gate came out by itself; ``pending`` is never a verifier's last word.
        unit: the unit of the numbers below; ``word`` or ``digest`` where there are none.
        observed: the point estimate as an exact decimal, or the word or digest.
        interval: both ends of the interval estimate, where it decides.
        bound: the relation as the policy spells it, such as ``<= 1.1``.
        margin: signed distance from what decided to the nearest bound; positive is inside.
        reason: one lowercase line.
    """

    id: str
    measure: str
    level: Literal["require", "warn"]
    verdict: GateOutcome
    unit: str
    observed: str | None
    interval: tuple[DecimalText, DecimalText] | None
    bound: str
    margin: DecimalText | None
    reason: str


class Verdict(Frozen):
    """The verdict of a bar over the evidence, and its gates in the bar's order."""

    verdict: Outcome
    gates: tuple[GateResult, ...]

    @property
    def pending(self) -> tuple[str, ...]:
        """The ids of the gates that are not decided."""
        return tuple(gate.id for gate in self.gates if gate.verdict == "pending")
