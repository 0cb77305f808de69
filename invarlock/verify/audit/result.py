"""What an audit found: each model, in which state and why, and the share of each state."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from invarlock.canonical import decimal_text
from invarlock.errors import (
    EXIT_ENVIRONMENT,
    EXIT_FAIL,
    EXIT_INCONCLUSIVE,
    EXIT_PASS,
    EXIT_SAFETY,
    EXIT_VERIFICATION,
)
from invarlock.evidence.schema import Digest
from invarlock.judge import exact
from invarlock.verify.result import BarUsed, Level, Outcome, Signer

ModelState = Literal[
    "verified",
    "failed",
    "undecided",
    "stale",
    "signed",
    "refused",
    "unsigned",
    "unsafe",
    "unreadable",
]
"""What became of a model, under the consumer's keys and bar:

verified    the evidence clears the bar
failed      it misses the bar
undecided   it cannot decide, or lacks what the bar asks for
stale       it is older than the consumer allows, by a proven time
signed      a trusted signer signed for these bytes, and no bar was applied, or something is lacking
refused     there is an attestation, and nothing in it may be believed
unsigned    there is none
unsafe      a folder that no one should load, so nothing was hashed
unreadable  permission or the disk was in the way
"""
Tally = Literal[ModelState, "sandboxed"]
"""What is counted: models in each state, and those that were measured in a sandbox."""

STATE_EXIT: Final[dict[ModelState, int]] = {
    "verified": EXIT_PASS,
    "failed": EXIT_FAIL,
    "undecided": EXIT_INCONCLUSIVE,
    "stale": EXIT_INCONCLUSIVE,
    "signed": EXIT_INCONCLUSIVE,
    "refused": EXIT_VERIFICATION,
    "unsigned": EXIT_INCONCLUSIVE,
    "unsafe": EXIT_SAFETY,
    "unreadable": EXIT_ENVIRONMENT,
}
_WORST_FIRST: Final = (
    EXIT_VERIFICATION,
    EXIT_SAFETY,
    EXIT_FAIL,
    EXIT_ENVIRONMENT,
    EXIT_INCONCLUSIVE,
)

Share = Annotated[str, StringConstraints(pattern=r"^[0-9](\.[0-9]+)?$")]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class AttestationAudit(_Closed):
    """One attestation of a model and what verifying it gave; ``reason`` is why it is no better.

    ``judged_by`` strictness is the producer's word under a bar at least as strict, where the
    consumer accepts that.
    """

    path: str
    outcome: Outcome
    state: ModelState
    isolation: Literal["host", "sandbox"] | None
    bar: BarUsed | None
    judged_by: Literal["evidence", "strictness"] | None
    producer_bar: Digest | None
    signers: tuple[Signer, ...]
    code: str | None
    reason: str


class ModelAudit(_Closed):
    """One model. ``path`` is below the folder audited, ``.`` for itself; ``digest`` its root.

    ``attestation`` is the one that decided, and ``others`` how many more there are. ``signed``
    says whether a trusted signer's signature over these bytes was verified, whatever came of it.
    ``isolation`` is where its evidence was measured, by the deciding attestation.
    """

    path: str
    state: ModelState
    digest: Digest | None
    signed: bool
    sandboxed: bool
    attestation: AttestationAudit | None
    others: int = Field(ge=0)
    code: str | None
    reason: str


class Skipped(_Closed):
    """A place that was not looked into, and why; models in it are not in the audit."""

    path: str
    reason: str


class Count(_Closed):
    """How many models, and what share of all, as an exact decimal rounded to 1e-9."""

    models: int = Field(ge=0)
    share: Share


class AuditResult(_Closed):
    """The whole audit; ``bar`` is the policy's, if one was named.

    Paths are shown in ASCII, whatever the folder calls them.
    """

    version: Literal["invarlock.audit/1"] = "invarlock.audit/1"
    folder: str
    exit_code: int
    asked: Level
    bar: BarUsed | None
    models: tuple[ModelAudit, ...]
    totals: dict[Tally, Count]
    skipped: tuple[Skipped, ...]


def totals_of(models: Sequence[ModelAudit]) -> dict[Tally, Count]:
    """How many are in each state, and how many were measured in a sandbox."""
    found: dict[Tally, int] = dict.fromkeys(STATE_EXIT, 0)
    for model in models:
        found[model.state] += 1
    found["sandboxed"] = sum(model.sandboxed for model in models)
    return {name: Count(models=n, share=_share(n, len(models))) for name, n in found.items()}


def _share(some: int, of: int) -> str:
    return decimal_text(exact.nano(Fraction(some, of))[0]) if of else "0"


def exit_of(models: Sequence[ModelAudit], skipped: Sequence[Skipped]) -> int:
    """The worst of all models: refused, unsafe, failed, unreadable, and then what is not proven.

    Nothing found proves nothing, and nor does a place that was not looked into.
    """
    codes = {STATE_EXIT[model.state] for model in models}
    if skipped or not models:
        codes.add(EXIT_INCONCLUSIVE)
    return next((code for code in _WORST_FIRST if code in codes), EXIT_PASS)
