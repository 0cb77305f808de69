"""Write a signed summary of a verification: VSA or SVR, whatever came out."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.artifacts.folder import tree_of
from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keys import Signer
from invarlock.attest.placing import new_file
from invarlock.attest.signers import KeySigning, key_path, open_signer
from invarlock.canonical import digest_bytes
from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.evidence.schema import Digest
from invarlock.policy.diagnostics import printable
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Level, Status, VerificationResult
from invarlock.verify.signatures import read_bundle
from invarlock.verify.summary import VERIFIER, Circumstances, SummaryType, summary_bytes

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_MAX_URI: Final = 2048


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """Where to write which summary, by whom, and with which key.

    ``resource`` is the URI under which the model is to be used; ``None`` names its digest.
    """

    out: Path
    key: KeySigning
    kind: SummaryType = "vsa"
    verifier: str = VERIFIER
    resource: str | None = None


def ready(asked: SummaryRequest, request: VerifyRequest) -> Signer:
    """The key, once all that can be wrong with ``asked`` before verification is known not to be.

    Raises :class:`UsageFault` E701 for a summary about no model, or a URI that is none, E702 where
    ``out`` exists: an earlier summary must not be taken for this one's; :class:`EnvironmentFault`
    E601 for an absent key, and as :func:`open_signer`.
    """
    if request.subject is None and request.subject_digest is None:
        hint = "pass --subject MODEL or --subject-digest D"
        raise UsageFault("E701", "a summary is about a model, and none was named", hint)
    for option, uri in (("--verifier-id", asked.verifier), ("--resource-uri", asked.resource)):
        if uri is not None and (len(uri) > _MAX_URI or _URI.fullmatch(uri) is None):
            hint = "write it like `https://example.com/verifier/v1`"
            raise UsageFault("E701", f"{option} `{uri[:80]}` is no URI", hint)
    if os.path.lexists(asked.out):
        hint = "choose another path, or remove it"
        raise UsageFault("E702", f"`{asked.out}` already exists", hint)
    path = key_path(asked.key.uri)
    if path is not None and not os.path.lexists(path):
        hint = "make one with `invarlock key new`"
        raise EnvironmentFault("E601", f"no key at `{path}`", hint)
    return open_signer(asked.key)[0]


def write_summary(
    asked: SummaryRequest,
    key: Signer,
    request: VerifyRequest,
    result: VerificationResult,
    seconds: int,
) -> None:
    """Sign and write the summary of ``result``, made at ``seconds`` since 1970 UTC.

    Raises :class:`EnvironmentFault` for what cannot be read or written, and as the key does.
    """
    said = Circumstances(
        subject=_subject(request, result),
        name=printable(request.subject.absolute().name) if request.subject is not None else "model",
        resource=asked.resource,
        bundles=_bundles(request, result),
        verifier=asked.verifier,
        seconds=seconds,
    )
    new_file(asked.out, sign_bundle(summary_bytes(asked.kind, result, said), key))


def _subject(request: VerifyRequest, result: VerificationResult) -> Digest:
    """The root digest of the model that the consumer asks about, never the bundle's word."""
    if request.subject is None:
        return request.subject_digest or ""
    if result.subject is not None and result.levels[Level.BOUND] is Status.REACHED:
        return result.subject
    return tree_of(request.subject)[0]


def _bundles(request: VerifyRequest, result: VerificationResult) -> tuple[tuple[str, Digest], ...]:
    """Every bundle by the bytes that were verified; where none was, as they are now."""
    registered = result.registration
    if result.signers and (registered is not None or request.registration is None):
        signers = (*result.signers, *(() if registered is None else (registered.signer,)))
        return tuple((Path(one.bundle).name, one.bundle_digest) for one in signers)
    paths = [request.bundle_file, *request.cosigned]
    paths += [] if request.registration is None else [request.registration]
    return tuple((printable(path.name), digest_bytes(read_bundle(path))) for path in paths)
