"""An audit for people, and as metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from invarlock.present.openmetrics import Family
from invarlock.verify.audit.result import AuditResult, ModelAudit


def table_lines(result: AuditResult) -> Iterator[str]:
    """A line for each model, then how many are in each state, then what was left out."""
    width = max((len(model.path) for model in result.models), default=0)
    for model in result.models:
        words = (f"{model.state:<10}", f"{model.path:<{width}}", *_details(model))
        yield "  ".join(words).rstrip()
    count = len(result.models)
    yield f"{count} {'model' if count == 1 else 'models'} below {result.folder}"
    if not result.models:
        yield "nothing was audited; name a folder with models in safetensors below it"
    for name, tally in result.totals.items():
        if tally.models:
            yield f"  {name:<10} {tally.models:>6}  {Decimal(tally.share) * 100:.1f}%"
    if result.bar is not None:
        yield f"bar  {result.bar.name} {result.bar.digest}"
    for place in result.skipped:
        yield f"not looked into: {place.path}: {place.reason}"


def _details(model: ModelAudit) -> Iterator[str]:
    if model.attestation is not None:
        yield f"[{model.attestation.isolation or 'where measured not known'}]"
    if model.others:
        yield f"({model.others} more attestation{'' if model.others == 1 else 's'} of it)"
    if model.code is not None:
        yield f"[INVARLOCK:{model.code}]"
    if model.reason:
        yield model.reason


def audit_metrics(result: AuditResult) -> Iterator[Family]:
    """Models by state, their share, places left out, and each model with its state."""
    totals = result.totals.items()
    yield Family(
        "invarlock_audit_models",
        "gauge",
        "Models by what became of them; sandboxed counts across states.",
        [({"state": name}, tally.models) for name, tally in totals],
    )
    yield Family(
        "invarlock_audit_share",
        "gauge",
        "Share of all models by what became of them.",
        [({"state": name}, Decimal(tally.share)) for name, tally in totals],
    )
    yield Family(
        "invarlock_audit_skipped",
        "gauge",
        "Places that were not looked into.",
        [({}, len(result.skipped))],
    )
    yield Family(
        "invarlock_audit_model",
        "gauge",
        "One for each model, with its state.",
        [(_labels(model), 1) for model in result.models],
    )


def _labels(model: ModelAudit) -> dict[str, str]:
    used = model.attestation.bar if model.attestation is not None else None
    return {
        "path": model.path,
        "state": model.state,
        "digest": model.digest or "",
        "bar": used.digest if used is not None else "",
        "sandboxed": "yes" if model.sandboxed else "no",
    }
