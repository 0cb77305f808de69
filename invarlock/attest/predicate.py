"""The predicate ``https://invarlock.dev/evaluation/v1``: a pure function of the report.

It repeats what a consumer or an admission controller wants without fetching the run: which bytes,
which bar, which verdict, and the digest of every file that backs it. Nothing in it is trusted by
`verify`, which builds it again from the recomputed report. Its specification, with the class of
every field, is ``attest/evaluation-v1.md``.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from invarlock.bom.document import MLBOM_FILE, SBOM_FILE
from invarlock.evidence.schema import DataFacts, Digest, LogFacts, Origin, RuntimeFacts
from invarlock.judge import GateOutcome, Outcome
from invarlock.judge.records import (
    FileRecord,
    Look,
    ModelRecord,
    PolicyRecord,
    Report,
    ReportedGate,
    Seeds,
    Span,
    Tool,
)
from invarlock.policy.ir import BarIR, DecimalText

PREDICATE_TYPE: Final = "https://invarlock.dev/evaluation/v1"
REPORT_FILE: Final = "evaluation.report.json"

DECLARED: Final[frozenset[str]] = frozenset({"created", "timings", "tool"})
"""Top-level fields of the predicate that are the signer's word; the rest is bound or recomputed."""


class Closed(BaseModel):
    """Immutable and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class ReportRef(Closed):
    """The report: its name in the run's folder, and sha256 of its bytes."""

    path: Literal["evaluation.report.json"] = "evaluation.report.json"
    digest: Digest


class BomDigests(Closed):
    """Digests of the run's bills of materials; what it has none of is not claimed."""

    mlbom: Digest | None
    sbom: Digest | None


class GateSummary(Closed):
    """One gate: where it stands, how it came out, and what decided, as in the report."""

    id: str
    span: Span
    level: Literal["require", "warn"]
    verdict: GateOutcome
    observed: str | None
    interval: tuple[str, str] | None
    bound: str
    margin: str | None
    unit: str


class Predicate(Closed):
    """What the statement says of its subject.

    ``resolved_policy`` is the bar itself, so that its strictness can be compared with another
    bar's where the run is not at hand; ``timings`` are in seconds.
    """

    version: Literal["invarlock.predicate/1"] = "invarlock.predicate/1"
    created: str
    timings: dict[str, DecimalText]
    tool: Tool
    verdict: Outcome
    policy: PolicyRecord
    resolved_policy: BarIR
    measurement_contract_hash: Digest
    seeds: Seeds
    look: Look
    subject: ModelRecord
    baseline: ModelRecord | None
    tokenizer_hash: Digest | None
    data: DataFacts
    origin: Origin
    logs: LogFacts | None
    runtime: RuntimeFacts
    gates: tuple[GateSummary, ...]
    evidence_digest: Digest
    merkle_root: Digest
    report: ReportRef
    bom: BomDigests
    files: tuple[FileRecord, ...]


def predicate_of(report: Report, report_digest: Digest) -> Predicate:
    """The predicate of ``report``, whose file has ``report_digest``. Pure."""
    digests = {file.path: file.digest for file in report.files}
    return Predicate(
        created=report.created,
        timings=report.timings,
        tool=report.tool,
        verdict=report.verdict,
        policy=report.policy,
        resolved_policy=report.resolved_policy,
        measurement_contract_hash=report.measurement_contract_hash,
        seeds=report.seeds,
        look=report.look,
        subject=report.subject,
        baseline=report.baseline,
        tokenizer_hash=report.tokenizer_hash,
        data=report.data,
        origin=report.origin,
        logs=report.logs,
        runtime=report.runtime,
        gates=tuple(_summary(gate) for gate in report.gates),
        evidence_digest=report.evidence_digest,
        merkle_root=report.merkle_root,
        report=ReportRef(digest=report_digest),
        bom=BomDigests(mlbom=digests.get(MLBOM_FILE), sbom=digests.get(SBOM_FILE)),
        files=report.files,
    )


def _summary(gate: ReportedGate) -> GateSummary:
    return GateSummary(
        id=gate.id,
        span=gate.span,
        level=gate.level,
        verdict=gate.verdict,
        observed=gate.observed,
        interval=gate.interval,
        bound=gate.bound,
        margin=gate.margin,
        unit=gate.unit,
    )
