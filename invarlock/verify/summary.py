"""What a verifier found, in a few words that others read: SLSA VSA and in-toto SVR.

Sources: https://slsa.dev/spec/v1.1/verification_summary and
https://github.com/in-toto/attestation, spec/predicates/svr.md (v0.1). Written by a verifier alone,
about the model that it hashed or was asked about, and signed with its own key. There are two
words, and only exit 0 is PASSED: what was refused, missed, undecided, lacking or never held
against a bar is FAILED. Pure.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from invarlock import __version__
from invarlock.attest.in_toto import InToto, Sha256, Subject, sha256_of
from invarlock.canonical import canonical_bytes
from invarlock.errors import EXIT_PASS
from invarlock.evidence.schema import Digest
from invarlock.verify.result import Level, Outcome, Status, VerificationResult

VERIFIER: Final = "https://invarlock.dev/verify/v1"
NO_BAR: Final = "https://invarlock.dev/bar/none"
"""The policy of a verification that had no bar; it never is PASSED."""
DETAIL: Final = "https://invarlock.dev/verification/v1"
"""Name of the extension field that says what a FAILED was."""

SummaryType = Literal["vsa", "svr"]


class _Closed(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )


class Named(_Closed):
    """A resource by its URI, and by its digest where it has one."""

    name: str | None = None
    uri: str
    digest: Sha256 | None = None


class Input(_Closed):
    """A bundle that was verified, by the digest of its bytes."""

    name: str
    digest: Sha256


class Verifier(_Closed):
    """Who verified; ``version`` maps what ran to its version."""

    id: str
    version: dict[str, str]


class PolicyVerifier(Verifier):
    """The same, and under which bar, where a predicate has no other place for it."""

    policy: Named


class Detail(_Closed):
    """What stands behind the one word: outcome and exit code of `verify`, and its codes."""

    result: Literal["PASSED", "FAILED"]
    outcome: Outcome
    exit_code: int
    codes: tuple[str, ...]


class Vsa(_Closed):
    """Predicate ``https://slsa.dev/verification_summary/v1``."""

    verifier: Verifier
    timeVerified: str  # noqa: N815 - names of this class are fixed by SLSA
    resourceUri: str  # noqa: N815 - fixed by SLSA
    policy: Named
    inputAttestations: tuple[Input, ...]  # noqa: N815 - fixed by SLSA
    verificationResult: Literal["PASSED", "FAILED"]  # noqa: N815 - fixed by SLSA
    verifiedLevels: tuple[str, ...]  # noqa: N815 - fixed by SLSA
    slsaVersion: Literal["1.1"] = "1.1"  # noqa: N815 - fixed by SLSA
    detail: Detail = Field(alias=DETAIL)


class Svr(_Closed):
    """Predicate ``https://in-toto.io/attestation/svr/v0.1``: properties only of what passed."""

    verifier: PolicyVerifier
    timeCreated: str  # noqa: N815 - fixed by in-toto
    properties: tuple[str, ...]
    detail: Detail = Field(alias=DETAIL)


class VsaStatement(InToto):
    """An in-toto statement that holds a VSA."""

    predicateType: Literal["https://slsa.dev/verification_summary/v1"] = (  # noqa: N815 - fixed
        "https://slsa.dev/verification_summary/v1"
    )
    predicate: Vsa


class SvrStatement(InToto):
    """An in-toto statement that holds an SVR."""

    predicateType: Literal["https://in-toto.io/attestation/svr/v0.1"] = (  # noqa: N815 - fixed
        "https://in-toto.io/attestation/svr/v0.1"
    )
    predicate: Svr


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a summary says beside the result.

    Attributes:
        subject: root digest of the model asked about, hashed or named by the consumer.
        name: what the consumer calls it.
        resource: the URI of the model as a resource; its digest as an RFC 6920 name when ``None``.
        bundles: name and digest of every bundle that was read.
        verifier: the verifier's URI.
        seconds: the verifier's clock, since 1970 UTC.
    """

    subject: Digest
    name: str
    resource: str | None
    bundles: tuple[tuple[str, Digest], ...]
    verifier: str
    seconds: int


def summary_bytes(kind: SummaryType, result: VerificationResult, said: Circumstances) -> bytes:
    """The exact bytes of the statement that is signed: RFC 8785."""
    about = Subject(name=said.name, digest=sha256_of(said.subject))
    statement = (
        VsaStatement(subject=(about,), predicate=_vsa(result, said))
        if kind == "vsa"
        else SvrStatement(subject=(about,), predicate=_svr(result, said))
    )
    return canonical_bytes(statement.model_dump(mode="json", by_alias=True, exclude_none=True))


def _vsa(result: VerificationResult, said: Circumstances) -> Vsa:
    detail, levels = _detail(result), _properties(result)
    return Vsa(
        verifier=Verifier(id=said.verifier, version={"invarlock": __version__}),
        timeVerified=_time(said.seconds),
        resourceUri=said.resource if said.resource is not None else _ni(said.subject),
        policy=_policy(result),
        inputAttestations=tuple(
            Input(name=name, digest=sha256_of(digest)) for name, digest in said.bundles
        ),
        verificationResult=detail.result,
        # each implies those before it, and one track has one level
        verifiedLevels=levels[-1:] if levels else ("FAILED",),
        detail=detail,
    )


def _svr(result: VerificationResult, said: Circumstances) -> Svr:
    version = {"invarlock": __version__}
    return Svr(
        verifier=PolicyVerifier(id=said.verifier, version=version, policy=_policy(result)),
        timeCreated=_time(said.seconds),
        properties=_properties(result),
        detail=_detail(result),
    )


def _properties(result: VerificationResult) -> tuple[str, ...]:
    """The levels reached, lowest first; none at all unless the verification passed."""
    if not _passed(result):
        return ()
    if result.judged_by == "strictness":
        return ("INVARLOCK_SIGNED", "INVARLOCK_STRICTNESS")
    reached = (level for level in Level if result.levels[level] is Status.REACHED)
    return tuple(f"INVARLOCK_{level.upper()}" for level in reached)


def _detail(result: VerificationResult) -> Detail:
    return Detail(
        result="PASSED" if _passed(result) else "FAILED",
        outcome=result.outcome,
        exit_code=result.exit_code,
        codes=tuple(sorted({finding.code for finding in result.findings})),
    )


def _passed(result: VerificationResult) -> bool:
    return result.exit_code == EXIT_PASS and result.outcome == "pass"


def _policy(result: VerificationResult) -> Named:
    """The consumer's bar by its semantic digest, which is that of its IR's canonical JSON."""
    if result.bar is None:
        return Named(uri=NO_BAR)
    name = Path(result.bar.name).name if result.bar.name is not None else None
    return Named(name=name, uri=_ni(result.bar.digest), digest=sha256_of(result.bar.digest))


def _ni(digest: Digest) -> str:
    """``digest`` as a URI: RFC 6920, section 3."""
    raw = bytes.fromhex(digest.removeprefix("sha256:"))
    return "ni:///sha-256;" + base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _time(seconds: int) -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
