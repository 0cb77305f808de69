"""An audit: find models, hash each once, verify what attests it, and say what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from invarlock.artifacts.folder import tree_of
from invarlock.artifacts.shown import shown, spelt
from invarlock.errors import EnvironmentFault, InvarlockError, SafetyRefusal
from invarlock.verify.audit.attached import MAX_EACH, beside, indexed
from invarlock.verify.audit.result import (
    AttestationAudit,
    AuditResult,
    ModelAudit,
    Skipped,
    State,
    exit_of,
    totals_of,
)
from invarlock.verify.audit.walk import Folder, Omitted, walk_models
from invarlock.verify.bar import bar_of_policy
from invarlock.verify.engine import verify_bundle
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Finding, Level, Outcome, Status, VerificationResult
from invarlock.verify.signatures import trusted

_STATES: Final[dict[Outcome, State]] = {
    "pass": "verified",
    "fail": "failed",
    "inconclusive": "undecided",
    "incomplete": "undecided",
    "no-bar": "signed",
    "lacking": "signed",
    "refused": "refused",
}
_DECIDES: Final[tuple[State, ...]] = (
    "failed",
    "verified",
    "undecided",
    "stale",
    "signed",
    "refused",
    "unreadable",
)
"""Which of several attestations decides. A trusted signer's failing evidence of the same bytes is
not outvoted by another run that passed; what is refused could have been put there by anybody."""
_STALE: Final = "E413"
_AGAINST: Final = ("refused", "lacking", "undecided")
"""Kinds of findings that speak against a model, the gravest first; a warning does not."""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """One audit.

    Attributes:
        folder: where models are looked for.
        consumer: keys, identities, bar, level and whatever else holds for every model; its
            ``bundle``, ``run`` and ``subject`` are filled in for each.
        attestations: a folder of run folders or bundles, found by their subject's digest.
    """

    folder: Path
    consumer: VerifyRequest
    attestations: Path | None = None


def audit_models(request: AuditRequest) -> AuditResult:
    """Audit every model below ``request.folder``.

    Whatever is wrong with a model or an attestation is its state. Raises :class:`UsageFault` for
    keys or a policy that cannot be used, and :class:`EnvironmentFault` for folders that the
    consumer named and that cannot be read.
    """
    consumer = request.consumer
    consumer.check()
    bar = bar_of_policy(consumer.policy) if consumer.policy is not None else None
    trusted(consumer, bar.ir if bar is not None else None)
    index, unread = indexed(request.attestations) if request.attestations else ({}, ())
    models: list[ModelAudit] = []
    omitted: list[Omitted] = []
    for found in walk_models(request.folder):
        if isinstance(found, Omitted):
            omitted.append(found)
        else:
            models.append(_audited(request, found, index))
    skipped = tuple(Skipped(path=spelt(o.path), reason=o.reason) for o in (*omitted, *unread))
    return AuditResult(
        folder=spelt(str(request.folder)),
        exit_code=exit_of(models, skipped),
        asked=consumer.level,
        bar=bar.used if bar is not None else None,
        models=tuple(models),
        totals=totals_of(models),
        skipped=skipped,
    )


def _audited(
    request: AuditRequest, found: Folder, index: Mapping[str, tuple[Path, ...]]
) -> ModelAudit:
    path = request.folder / found.path
    name = spelt(found.path) or "."
    try:
        digest, _ = tree_of(path)
    except SafetyRefusal as err:
        return _unread(name, "unsafe", err)
    except EnvironmentFault as err:
        return _unread(name, "unreadable", err)
    bundles = _distinct((*beside(path), *index.get(digest, ())))
    verified = [_verified(request.consumer, bundle, digest) for bundle in islice(bundles, MAX_EACH)]
    if not verified:
        return ModelAudit(
            path=name,
            state="unsigned",
            digest=digest,
            signed=False,
            sandboxed=False,
            attestation=None,
            others=0,
            code=None,
            reason="no attestation was found",
        )
    decides = min(verified, key=lambda one: _DECIDES.index(one.state))
    return ModelAudit(
        path=name,
        state=decides.state,
        digest=digest,
        signed=any(one.signers and one.state != "refused" for one in verified),
        sandboxed=decides.state != "refused" and decides.isolation == "sandbox",
        attestation=decides,
        others=len(verified) - 1,
        code=decides.code,
        reason=decides.reason,
    )


def _verified(consumer: VerifyRequest, bundle: Path, digest: str) -> AttestationAudit:
    """One attestation of the model with this root digest."""
    ask = replace(consumer, bundle=bundle, run=None, subject=None, subject_digest=digest)
    try:
        result = verify_bundle(ask)
    except (EnvironmentFault, SafetyRefusal) as err:
        return AttestationAudit(
            path=spelt(str(bundle)),
            outcome="lacking",
            state="unreadable",
            isolation=None,
            bar=None,
            judged_by=None,
            producer_bar=None,
            signers=(),
            code=err.code,
            reason=shown(err.message),
        )
    why = _why(result)
    return AttestationAudit(
        path=spelt(str(bundle)),
        outcome=result.outcome,
        state=_state(result),
        isolation=result.isolation,
        bar=result.bar,
        judged_by=result.judged_by,
        producer_bar=result.producer_bar,
        signers=result.signers,
        code=None if why is None else why.code,
        reason=_said(result) if why is None else shown(why.what),
    )


def _state(result: VerificationResult) -> State:
    refused = {finding.code for finding in result.findings if finding.kind == "refused"}
    if refused == {_STALE}:
        return "stale"
    # What lacks its signature's proof (a log, a time) is not signed in the consumer's sense.
    if result.outcome == "lacking" and result.levels[Level.SIGNED] is not Status.REACHED:
        return "refused" if not result.signers else "undecided"
    return _STATES[result.outcome]


def _why(result: VerificationResult) -> Finding | None:
    """The finding that speaks most against it."""
    ranked = sorted(
        result.findings, key=lambda f: ("refused", "lacking", "undecided").index(f.kind)
    )
    return ranked[0] if ranked else None


def _said(result: VerificationResult) -> str:
    missed = [gate.id for gate in result.gates if gate.verdict == result.verdict != "pass"]
    return shown(", ".join(missed)) if missed else ""


def _distinct(paths: Iterable[Path]) -> Iterator[Path]:
    seen: set[str] = set()
    for path in paths:
        real = str(path.resolve())
        if real not in seen:
            seen.add(real)
            yield path


def _unread(name: str, state: State, err: InvarlockError) -> ModelAudit:
    return ModelAudit(
        path=name,
        state=state,
        digest=None,
        signed=False,
        sandboxed=False,
        attestation=None,
        others=0,
        code=err.code,
        reason=shown(err.message),
    )
