"""What the consumer asks for. Everything that decides comes from here, nothing from the bundle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from invarlock.errors import UsageFault
from invarlock.evidence.schema import Arm, Digest
from invarlock.judge.signature import Voucher
from invarlock.verify.challenge import DEFAULT_SHARE, Share
from invarlock.verify.required import Requirement
from invarlock.verify.result import Level

BUNDLE_FILE: Final = "attestation.sigstore.json"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
ORDER: Final = tuple(Level)
"""The levels, each on top of the one before."""


@dataclass(frozen=True, slots=True)
class ExpectedIdentity:
    """Whose certificate is trusted, by whose word; nothing in it is a pattern.

    ``repository`` and ``ref`` are the source's that a workflow must have run for. Where they are
    ``None``, a workflow must have run for its own: who else calls it is somebody else.
    """

    identity: str
    issuer: str
    repository: str | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One verification.

    Attributes:
        bundle: the bundle's file, or a run's folder that holds one.
        keys: public keys of signers that the consumer trusts.
        identities: whose certificates the consumer trusts; without any key or identity, the
            workflows that ``policy`` requires one of in `signature.by`.
        trust_root: a Sigstore trusted root or trust configuration; the public one when ``None``.
        cosigned: further bundles, each with another signature of the same statement.
        run: the run's folder; the bundle's own folder when ``None``.
        subject: the subject model's folder, read and hashed in full.
        subject_digest: its root digest instead, from a source that the consumer trusts.
        baseline, data: the baseline's folder and the data file.
        subject_signature, baseline_signature: model signatures (OpenSSF Model Signing).
        subject_provenance, baseline_provenance: provenance (SLSA).
        model_keys: public keys trusted for these four alone, beside ``keys``.
        beacon: digest of the beacon that the schedule's seed must take in.
        policy: the consumer's bar as ``F#TIER`` or ``F#TIER+PROFILE``.
        policy_digest: the digest of a bar that the consumer has reviewed.
        disclosed: a folder of single windows with proofs.
        registration: a bundle that attests the run's bar by itself.
        beacon_time: when the beacon was made public, in seconds since 1970 UTC.
        accept_strictness: whether, without the evidence, the producer's verdict counts under a bar
            that is proven at least as strict as the consumer's.
        reference: a bar of the consumer's to hold the run's against, which decides nothing.
        max_age: seconds that the signature may be old, by a proven time, at ``now``.
        now: the consumer's clock, in seconds since 1970 UTC; needed with ``max_age``.
        require: what must be proven beside the bar.
        level: how far to go.
        challenge: how many windows to evaluate again at level `reproduced`.
        challenge_seed: what draws them, in tests; else drawn once the signature is verified.
        mode, device, memory_budget, threads: of the boundaries that measure again, as for
            `evaluate`.
    """

    bundle: Path
    keys: tuple[Path, ...] = ()
    identities: tuple[ExpectedIdentity, ...] = ()
    trust_root: Path | None = None
    cosigned: tuple[Path, ...] = ()
    run: Path | None = None
    subject: Path | None = None
    subject_digest: str | None = None
    baseline: Path | None = None
    data: Path | None = None
    subject_signature: Path | None = None
    subject_provenance: Path | None = None
    baseline_signature: Path | None = None
    baseline_provenance: Path | None = None
    model_keys: tuple[Path, ...] = ()
    beacon: Digest | None = None
    policy: str | None = None
    policy_digest: str | None = None
    disclosed: Path | None = None
    registration: Path | None = None
    beacon_time: int | None = None
    accept_strictness: bool = False
    reference: str | None = None
    max_age: int | None = None
    now: int | None = None
    require: frozenset[Requirement] = frozenset()
    level: Level = Level.JUDGED
    challenge: Share = DEFAULT_SHARE
    challenge_seed: bytes | None = None
    mode: Literal["auto", "sandbox", "host"] = "auto"
    device: str = "cpu"
    memory_budget: int | None = None
    threads: int | None = None

    @property
    def bundle_file(self) -> Path:
        """The bundle itself."""
        return self.bundle / BUNDLE_FILE if self.bundle.is_dir() else self.bundle

    @property
    def run_folder(self) -> Path:
        """The run's folder: named, or where the bundle lies."""
        return self.run if self.run is not None else self.bundle_file.parent

    @property
    def vouchers(self) -> dict[tuple[Arm, Voucher], Path]:
        """The files that are to speak for a model, by model and kind."""
        named: dict[tuple[Arm, Voucher], Path | None] = {
            ("subject", "signature"): self.subject_signature,
            ("subject", "provenance"): self.subject_provenance,
            ("baseline", "signature"): self.baseline_signature,
            ("baseline", "provenance"): self.baseline_provenance,
        }
        return {of: path for of, path in named.items() if path is not None}

    def asks(self, level: Level) -> bool:
        """Whether ``level`` was asked for."""
        return level in ORDER and ORDER.index(level) <= ORDER.index(self.level)

    def check(self) -> None:
        """Raise :class:`UsageFault` E701 for what cannot be asked, or not together."""
        if not self.keys and not self.identities and self.policy is None:
            hint = (
                "pass --key PUB, or --identity and --issuer; what travels with the bundle "
                "proves nothing"
            )
            raise UsageFault("E701", "no key and no identity to verify with", hint)
        if self.subject is not None and self.subject_digest is not None:
            raise _conflict("--subject", "--subject-digest")
        if self.policy is not None and self.policy_digest is not None:
            raise _conflict("--policy", "--policy-digest")
        for option, value in (
            ("--subject-digest", self.subject_digest),
            ("--policy-digest", self.policy_digest),
        ):
            if value is not None and _DIGEST.fullmatch(value) is None:
                hint = "write `sha256:` and 64 lower-case hex digits"
                raise UsageFault("E701", f"{option} `{value[:80]}` is no digest", hint)
        if not self.asks(Level.JUDGED) and (self.policy or self.policy_digest):
            hint = "drop the bar, or ask for level `judged`"
            raise UsageFault("E701", f"no bar is applied at level `{self.level}`", hint)
        if self.vouchers and not self.asks(Level.BOUND):
            hint = "ask for level `bound` or higher, or drop it"
            raise UsageFault("E701", "no model is looked at on level `signed`", hint)
        self._check_required()

    def _check_required(self) -> None:
        if self.max_age is not None and self.now is None:
            raise UsageFault("E701", "an age is asked for, and no clock was given", "pass `now`")
        if self.accept_strictness and self.policy is None and self.policy_digest is None:
            hint = "pass --policy F#TIER+PROFILE or --policy-digest"
            raise UsageFault("E701", "--accept-strictness without a bar of yours", hint)
        if self.accept_strictness and self.level is not Level.JUDGED:
            hint = "ask for level `judged`, or drop it"
            raise UsageFault("E701", "--accept-strictness is for level `judged` alone", hint)
        if "reference" in self.require and self.reference is None:
            hint = "pass --reference POLICY"
            raise UsageFault("E701", "--require reference without --reference", hint)
        if self.beacon_time is not None and self.beacon is None:
            hint = "pass --beacon FILE|DIGEST|HEX"
            raise UsageFault("E701", "--beacon-time without --beacon", hint)
        if not self.asks(Level.BOUND) and self.registration is not None:
            hint = "ask for level `bound` or above, or drop it"
            raise UsageFault("E701", "no registration is read at level `signed`", hint)
        if not self.asks(Level.JUDGED) and "preregistered" in self.require:
            hint = "ask for level `judged` or above, or drop it"
            raise UsageFault("E701", "which came first follows from the evidence", hint)
        if self.level is Level.SIGNED and "bom" in self.require:
            hint = "ask for level `bound`, or drop it"
            raise UsageFault("E701", "no bill of materials is read at level `signed`", hint)


def _conflict(one: str, other: str) -> UsageFault:
    return UsageFault("E701", f"{one} and {other} were both given", "give one of them")
