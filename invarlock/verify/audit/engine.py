"""An audit: find models, hash each once, verify what attests it, and say what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from invarlock.artifacts.folder import tree_of
from invarlock.artifacts.shown import shown, spelt
from invarlock.errors import (
    EXIT_INCONCLUSIVE,
    EXIT_SAFETY,
    EXIT_VERIFICATION,
    EnvironmentFault,
    InvarlockError,
    SafetyRefusal,
)
from invarlock.verify.audit.attached import MAX_EACH, MAX_TRIED, beside, indexed
from invarlock.verify.audit.result import (
    AttestationAudit,
    AuditResult,
    ModelAudit,
    ModelState,
    Skipped,
    exit_of,
    totals_of,
)
from invarlock.verify.audit.walk import Folder, Omitted, walk_models, why
from invarlock.verify.bar import bar_of_policy
from invarlock.verify.engine import verify_bundle
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Finding, Level, Outcome, Status, VerificationResult
from invarlock.verify.signatures import trusted

_STATES: Final[dict[Outcome, ModelState]] = {
    "pass": "verified",
    "fail": "failed",
    "inconclusive": "undecided",
    "incomplete": "undecided",
    "no-bar": "signed",
    "lacking": "signed",
    "refused": "refused",
}
_DECIDES: Final[tuple[ModelState, ...]] = (
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
_STATE_OF: Final[dict[int, ModelState]] = {
    EXIT_VERIFICATION: "refused",
    EXIT_SAFETY: "unsafe",
    EXIT_INCONCLUSIVE: "undecided",
}
"""What a model is upon an error with that exit code; upon any other it is unreadable."""
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
    """One model. Whatever goes wrong with it says nothing of the others."""
    name = spelt(found.path) or "."
    try:
        return _weighed(request, name, request.folder / found.path, index)
    except InvarlockError as err:
        return _unread(name, _STATE_OF.get(err.exit_code, "unreadable"), err)
    except OSError as err:
        fault = EnvironmentFault("E602", f"`{name}` cannot be read: {why(err)}", "check its mode")
        return _unread(name, "unreadable", fault)


def _weighed(
    request: AuditRequest, name: str, path: Path, index: Mapping[str, tuple[Path, ...]]
) -> ModelAudit:
    """The model at ``path``. The consumer's own attestations come first, before those that whoever
    brought the model could put there."""
    digest, _ = tree_of(path)
    own = beside(path)
    bundles = _distinct((*index.get(digest, ()), *own.bundles))
    verified, unseen = _each_verified(request.consumer, bundles, digest)
    decides = min(verified, key=lambda one: _DECIDES.index(one.state), default=None)
    model = ModelAudit(
        path=name,
        state="unsigned" if decides is None else decides.state,
        digest=digest,
        signed=any(one.signers and one.state != "refused" for one in verified),
        sandboxed=decides is not None
        and decides.state != "refused"
        and decides.isolation == "sandbox",
        attestation=decides,
        others=max(len(verified) - 1, 0),
        code=None if decides is None else decides.code,
        reason="no attestation was found" if decides is None else decides.reason,
    )
    unseen = unseen or own.unlisted
    if unseen is None or model.state == "failed":
        return model
    # One that was not looked at could be a trusted signer's who says that it fails.
    return model.model_copy(update={"state": "undecided", "code": "E208", "reason": unseen})


def _each_verified(
    consumer: VerifyRequest, bundles: Iterable[Path], digest: str
) -> tuple[list[AttestationAudit], str | None]:
    """The attestations that were looked at, and why not at all of them."""
    verified: list[AttestationAudit] = []
    believed = 0
    for bundle in bundles:
        if believed == MAX_EACH:
            return verified, f"more than {MAX_EACH} attestations by trusted signers"
        if len(verified) == MAX_TRIED:
            return verified, f"more than {MAX_TRIED} files that might be attestations"
        one = _verified(consumer, bundle, digest)
        verified.append(one)
        believed += bool(one.signers)
    return verified, None


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
    gravest = _why(result)
    return AttestationAudit(
        path=spelt(str(bundle)),
        outcome=result.outcome,
        state=_state(result),
        isolation=result.isolation,
        bar=result.bar,
        judged_by=result.judged_by,
        producer_bar=result.producer_bar,
        signers=result.signers,
        code=None if gravest is None else gravest.code,
        reason=_said(result) if gravest is None else shown(gravest.what),
    )


def _state(result: VerificationResult) -> ModelState:
    refused = {finding.code for finding in result.findings if finding.kind == "refused"}
    if refused == {_STALE}:
        return "stale"
    # What lacks its signature's proof (a log, a time) is not signed in the consumer's sense.
    if result.outcome == "lacking" and result.levels[Level.SIGNED] is not Status.REACHED:
        return "refused" if not result.signers else "undecided"
    return _STATES[result.outcome]


def _why(result: VerificationResult) -> Finding | None:
    """The finding that speaks most against it, if one does."""
    against = [finding for finding in result.findings if finding.kind in _AGAINST]
    return min(against, key=lambda finding: _AGAINST.index(finding.kind), default=None)


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


def _unread(name: str, state: ModelState, err: InvarlockError) -> ModelAudit:
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
