"""What a consumer may require beside a bar: times, entries in a log, bills of materials.

Time comes from a verified log entry or timestamp, never from a clock of the producer's. The
consumer's own clock is an argument. Pure.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

from invarlock.bom.document import MLBOM_FILE, SBOM_FILE
from invarlock.errors import CODES
from invarlock.verify.result import Finding, Level, Signer, refused

if TYPE_CHECKING:
    from invarlock.verify.request import VerifyRequest

Requirement = Literal["log", "timestamp", "bom", "preregistered", "reference"]
REQUIREMENTS: Final[tuple[Requirement, ...]] = get_args(Requirement)
BILLS: Final = (MLBOM_FILE, SBOM_FILE)
KEYS: Final = frozenset({"p256", "ed25519"})
AHEAD: Final = 300
"""Seconds that a proven time may lie ahead of the verifier's clock."""


def check_required(request: VerifyRequest, signers: Sequence[Signer]) -> Iterator[Finding]:
    """What ``--require`` and ``--max-age`` ask for of signatures and these do not prove."""
    if "log" in request.require:
        yield from check_logged(signers)
    if "timestamp" in request.require:
        yield from check_timestamped(signers)
    if request.max_age is not None and request.now is not None:
        yield from check_age(signers, request.max_age, request.now)


def check_logged(signers: Sequence[Signer]) -> Iterator[Finding]:
    """Every signature has an entry in a transparency log, and the entry was verified."""
    for one in signers:
        if not one.logged:
            yield lacking(
                Level.SIGNED,
                f"no entry of the signature in `{one.bundle}` in a log was verified",
                "ask the producer for a keyless signature (`attest --sigstore`)",
            )


def check_timestamped(signers: Sequence[Signer]) -> Iterator[Finding]:
    """Every signature has a time by an RFC 3161 authority, and it was verified."""
    for one in signers:
        if not any(time.source == "timestamp" for time in one.times):
            yield lacking(
                Level.SIGNED,
                f"no timestamp of the signature in `{one.bundle}` was verified",
                "ask the producer for `attest --timestamp-authority URL`, and pass --trusted-root",
            )


def check_age(signers: Sequence[Signer], max_age: int, now: int) -> Iterator[Finding]:
    """The oldest proven signature is at most ``max_age`` seconds old at ``now``.

    What is proven of a certificate's signature lies within the minutes for which the certificate
    holds, so that it is no older than that. A key's signature could be logged or stamped at any
    time after it was made, by anybody who has it: such a time says that it is no younger, and
    nothing of how old it is.
    """
    times = [time.seconds for one in signers if one.type not in KEYS for time in one.times]
    if not times:
        keyed = any(one.times for one in signers)
        why = "a key's signature can be stamped again at any time" if keyed else "no time is proven"
        yield lacking(
            Level.SIGNED,
            f"how old the signature is cannot be told: {why}",
            "ask the producer for a keyless signature (`attest --sigstore`)",
        )
    elif max(times) > now + AHEAD:
        what = "the signature's proven time lies ahead of this machine's clock"
        yield lacking(Level.SIGNED, what, "set the clock")
    elif now - min(times) > max_age:
        yield refused(
            *(Level.SIGNED, "E413", "the signature is older than --max-age allows"),
            found=f"{now - min(times)} seconds",
            expected=f"at most {max_age} seconds",
        )


def check_bills(listed: Container[str], there: Container[str]) -> Iterator[Finding]:
    """Both bills of materials are listed by the run and ``there``; that they are the ones listed
    is level `bound`."""
    for name in BILLS:
        if name not in listed:
            hint = "ask the producer for a run with bills of materials"
            yield lacking(Level.BOUND, f"the run lists no `{name}`", hint)
        elif name not in there:
            hint = "pass the whole run folder with --run"
            yield lacking(Level.BOUND, f"`{name}` is not at hand", hint)


def lacking(level: Level, what: str, hint: str) -> Finding:
    """A finding that something required is not proven."""
    return Finding(
        level=level, kind="lacking", code="E414", what=what, hint=hint or CODES["E414"].remedy
    )
