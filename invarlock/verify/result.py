"""What a verification found: levels, findings, the bar that decided, and what it cannot see."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict

from invarlock import judge
from invarlock.errors import (
    CODES,
    EXIT_FAIL,
    EXIT_INCONCLUSIVE,
    EXIT_PASS,
    InvarlockError,
)
from invarlock.evidence.schema import Arm, Digest, Origin
from invarlock.judge.signature import Voucher
from invarlock.policy.diagnostics import plain
from invarlock.verify.reproduction import Reproduction

Outcome = Literal["pass", "fail", "inconclusive", "incomplete", "refused", "lacking", "no-bar"]
"""The verdict under the consumer's bar, or why there is none."""
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

Relation = Literal["equal", "stricter", "weaker", "mixed", "incomparable"]
"""What one bar is beside another, as :class:`invarlock.policy.compare.Strictness` has it."""


class Level(StrEnum):
    """The levels of DESIGN section 6, each on top of the one before."""

    SIGNED = "signed"
    BOUND = "bound"
    JUDGED = "judged"
    MEASURED = "measured"
    REPRODUCED = "reproduced"


class Status(StrEnum):
    """What became of a level. ``blocked``: one below it did not hold, so it means nothing."""

    REACHED = "reached"
    FAILED = "failed"
    LACKING = "lacking"
    BLOCKED = "blocked"
    NOT_ASKED = "not-asked"


LIMITS: Final[dict[Level, str]] = {
    Level.SIGNED: (
        "level `signed` checks who signed and nothing that was signed: no file, number or verdict"
    ),
    Level.BOUND: (
        "level `bound` checks that files are the ones signed, not that a number or verdict in them "
        "is right"
    ),
    Level.JUDGED: (
        "level `judged` recomputes everything from the evidence, and cannot see evidence that the "
        "signer forged consistently, numbers and all, nor how many runs were tried before this "
        "one: only an evaluation of your own can"
    ),
    Level.MEASURED: (
        "level `measured` recomputes from the weights what guards say of them, and the rest from "
        "the evidence: it cannot see windows or activations that the signer forged consistently, "
        "nor how many runs were tried before this one"
    ),
    Level.REPRODUCED: (
        "level `reproduced` evaluates challenged windows again and takes the others within "
        "tolerance on the odds stated; it cannot see how long passes took, what the signer's "
        "boundary was, nor how many runs were tried before this one"
    ),
}

NOTHING: Final = (
    "nothing was established: not even who signed, so nothing that the bundle says means anything"
)
"""The limits of a verification that reached no level."""

DISCLOSED: Final = (
    "these windows and their numbers are under the signed root; that they are typical, or were "
    "measured, is not shown, and no verdict follows from them"
)
BY_STRICTNESS: Final = (
    "no number was recomputed: the evidence is not at hand, and this is the signer's word that a "
    "bar was cleared, with a proof that this bar is at least as strict as yours"
)


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Said = Annotated[str, AfterValidator(plain)]
"""Words that may quote untrusted ones: printable, and no longer than a message is."""


class Finding(_Closed):
    """One thing that does not hold, or is lacking. Texts may quote untrusted words.

    ``kind`` is ``refused`` (exit 4), ``lacking`` or ``undecided`` (exit 3), or ``warning``, which
    moves no exit code.
    """

    level: Level
    kind: Literal["refused", "lacking", "undecided", "warning"]
    code: str
    what: Said
    found: Said | None = None
    expected: Said | None = None
    hint: Said = ""


class BarUsed(_Closed):
    """The consumer's bar: from a policy file, or the run's own IR pinned by its digest."""

    source: Literal["policy", "digest"]
    name: str | None
    digest: str


class SignedTime(_Closed):
    """When a signature existed at the latest, in seconds since 1970 UTC, by a log's or a timestamp
    authority's word; a clock of the producer's is none."""

    source: Literal["log", "timestamp"]
    seconds: int


class Certificate(_Closed):
    """Who a certificate names: an address or a workflow's URI, by which issuer's word, and for a
    workflow the source repository and ref that it ran for, and the workflow that was started."""

    identity: str
    issuer: str
    repository: str | None = None
    ref: str | None = None
    build: str | None = None


class Signer(_Closed):
    """One signature that was verified: the bundle it is in and the digest of its bytes, by which
    key or whose certificate, whether an entry of it in a transparency log was verified, and the
    times that are proven."""

    bundle: str
    bundle_digest: Digest
    type: Literal["p256", "ed25519", "certificate"]
    key: str | None = None
    certificate: Certificate | None = None
    logged: bool = False
    times: tuple[SignedTime, ...] = ()


class DisclosedWindow(_Closed):
    """A window that is under the signed root: its place in the schedule from 0, what it is cut
    from, and the exact sum of each column over its rows (nats, probability, or rows that agree),
    ``None`` where one is not finite."""

    position: int
    id: Digest
    phase: Literal["preview", "final"]
    document: str
    slice: str | None
    tokens: int
    rows: int
    sums: dict[str, str | None]


Before = Literal["beacon", "time"]
"""What shows that a bar was registered before a run: the registration is the beacon in the seed of
its schedule, or was logged or timestamped before the beacon's time."""


class RegisteredBefore(_Closed):
    """A registration of the run's very bar by a trusted signer; ``before`` is ``None`` where
    nothing shows that it is older than the run."""

    bar: Digest
    signer: Signer
    before: Before | None


class VouchedFor(_Closed):
    """A signature of a model's files, or a provenance of it, that was verified: by whom it is
    signed, and who built the model by its word."""

    model: Arm
    by: Voucher
    signer: str
    builder: str | None = None


class DriftedKey(_Closed):
    """One gate or setting on which two bars differ, each side as a policy would write it; ``None``
    where a bar says nothing."""

    key: str
    kind: Literal["gate", "setting", "task"]
    relation: Relation
    reference: str | None
    run: str | None
    note: str


class PolicyDigest(_Closed):
    """The run's bar held against a reference that the consumer named, by semantic digest and by
    what both accept: ``relation`` is what the run's is beside the reference."""

    run: Digest
    reference: Digest
    name: str
    changed: bool
    relation: Relation
    differences: tuple[DriftedKey, ...]


class Strictness(_Closed):
    """What stands in where the evidence is not at hand, if the consumer accepts it.

    ``relation`` is what the run's bar is beside the consumer's, signatures aside, which the
    verifier decides itself; ``signed_verdict`` is the producer's word under the run's bar. With
    ``holds`` that bar is at least as strict, and the word is pass. No number was recomputed.
    """

    run: Digest
    relation: Relation
    signed_verdict: judge.Outcome
    holds: bool
    accepted: bool
    differences: tuple[DriftedKey, ...]


class VerificationResult(_Closed):
    """The whole answer. ``verdict`` is set only when ``judged`` was reached, and ``judged_by`` says
    by what: the evidence, or with ``strictness`` the producer's bar and word, where ``gates`` are
    those on signatures alone.

    They are what the judge says under the consumer's bar; nothing in them is the producer's
    word. ``producer_bar`` is the digest of the bar that the run was made for; ``policy_digest``
    says whether that is the consumer's reference, and decides nothing by itself; ``origin`` says
    where the numbers come from, and ``isolation`` where models ran, by the statement: the latter
    follows from the manifest once ``judged`` was reached by the evidence.
    """

    version: Literal["invarlock.verification/1"] = "invarlock.verification/1"
    outcome: Outcome
    exit_code: int
    asked: Level
    levels: dict[Level, Status]
    signers: tuple[Signer, ...]
    vouched: tuple[VouchedFor, ...] = ()
    subject: str | None
    origin: Origin | None
    isolation: Literal["host", "sandbox"] | None
    bar: BarUsed | None
    producer_bar: str | None
    policy_digest: PolicyDigest | None
    strictness: Strictness | None
    judged_by: Literal["evidence", "strictness"] | None
    registration: RegisteredBefore | None
    verdict: judge.Outcome | None
    gates: tuple[judge.GateResult, ...]
    disclosed: tuple[DisclosedWindow, ...] = ()
    findings: tuple[Finding, ...]
    reproduction: Reproduction | None = None
    limits: str


VERDICT_EXIT: Final[dict[judge.Outcome, int]] = {
    "pass": EXIT_PASS,
    "fail": EXIT_FAIL,
    "inconclusive": EXIT_INCONCLUSIVE,
    "incomplete": EXIT_INCONCLUSIVE,
}


def finding_of(level: Level, err: InvarlockError) -> Finding:
    """``err`` as a finding; only what is lacking or undecided is less than a refusal."""
    kind: Literal["refused", "lacking", "undecided"] = "refused"
    if err.exit_code == EXIT_INCONCLUSIVE:
        kind = "lacking" if err.code == "E409" else "undecided"
    return Finding(level=level, kind=kind, code=err.code, what=err.message, hint=err.hint)


def refusal_of(level: Level, err: InvarlockError) -> Finding:
    """``err`` as a refusal: where a run contradicts itself, no kind of error is milder."""
    return Finding(level=level, kind="refused", code=err.code, what=err.message, hint=err.hint)


def refused(level: Level, code: str, what: str, *, found: str, expected: str) -> Finding:
    """A finding that something differs from what it must be."""
    return Finding(
        level=level,
        kind="refused",
        code=code,
        what=what,
        found=found,
        expected=expected,
        hint=CODES[code].remedy,
    )
