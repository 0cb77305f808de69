"""What one verification has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from invarlock.attest.statement import Statement
from invarlock.judge import Verdict
from invarlock.verify.bar import ConsumerBar, Passing
from invarlock.verify.reproduction import Reproduction
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import (
    DisclosedWindow,
    Finding,
    Level,
    PolicyDigest,
    RegisteredBefore,
    Strictness,
)
from invarlock.verify.signatures import Signature, Trusted
from invarlock.verify.vouchers import Vouched


@dataclass(slots=True)
class State:
    """What one verification has found so far."""

    request: VerifyRequest
    trust: Trusted
    bar: ConsumerBar | None
    reference: ConsumerBar | None = None
    findings: list[Finding] = field(default_factory=list)
    signatures: tuple[Signature, ...] = ()
    statement: Statement | None = None
    vouched: tuple[Vouched, ...] = ()
    producer_bar: str | None = None
    policy_digest: PolicyDigest | None = None
    strictness: Strictness | None = None
    disclosed: tuple[DisclosedWindow, ...] = ()
    registration: RegisteredBefore | None = None
    absent: frozenset[Finding] = frozenset()
    """What is lacking of the run's own files: all that strictness can stand in for."""
    verdict: Verdict | None = None
    passes: Passing | None = None
    reproduction: Reproduction | None = None

    @property
    def by_strictness(self) -> bool:
        """Whether the verdict rests on a proof of strictness."""
        proof = self.strictness
        return proof is not None and proof.holds and proof.accepted

    def any(self, kind: str, level: Level | None = None) -> bool:
        """Whether something of this kind was found, at ``level`` or at any."""
        return any(f.kind == kind and level in {None, f.level} for f in self.findings)
