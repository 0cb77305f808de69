"""The report of a run, as data: what was asked, what was found, and the digest of every part.

Every field can be rebuilt by a verifier (see :func:`invarlock.judge.report.build_report`) from
evidence, bar, policy and manifest, except those under :data:`DECLARED`, which are the word of
whoever ran the evaluation.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from invarlock.canonical import canonical_bytes
from invarlock.evidence.schema import (
    Beacon,
    Contract,
    DataFacts,
    Digest,
    LogFacts,
    Origin,
    RuntimeFacts,
)
from invarlock.judge.verdict import GateResult, Outcome
from invarlock.policy.ir import BarIR, DecimalText

DECLARED: Final = frozenset(
    {"created", "tool", "names", "packages", "kernels", "threads", "timings"}
)
"""Top-level fields that are the producer's word; all below them is declared too."""

MAX_REPORT_BYTES: Final = 8 << 20

Instant = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z$")
]
Label = Annotated[str, StringConstraints(max_length=4096)]


class Frozen(BaseModel):
    """Immutable and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Tool(Frozen):
    """What wrote the report."""

    name: Literal["invarlock"] = "invarlock"
    version: Label


class Names(Frozen):
    """What the user called things: paths or model names as typed."""

    baseline: Label
    subject: Label
    data: Label
    policy: Label


class Declared(Frozen):
    """The producer's word, unchecked. ``created`` is RFC 3339 UTC; timings in seconds; packages,
    kernels and threads as the subject's boundary told them."""

    created: Instant
    tool: Tool
    names: Names
    packages: dict[str, Label]
    kernels: dict[str, Label]
    threads: Annotated[int, Field(ge=1)] | None
    timings: dict[str, DecimalText]


class PolicyRecord(Frozen):
    """The policy and the bar, by name and by digest."""

    name: str
    version: str
    bar: str
    bar_digest: Digest
    policy_digest: Digest
    source_digest: Digest


class Seeds(Frozen):
    """Of the schedule (derived from bar, data and beacon) and of the bootstrap (the bar's)."""

    schedule: Digest
    beacon: Beacon | None
    bootstrap: int


class Look(Frozen):
    """At which of the looks that the bar plans the run stopped, with how many of the final windows
    that it plans."""

    reached: int = Field(ge=1)
    of: int = Field(ge=1)
    final: int = Field(ge=0)
    planned: int = Field(ge=0)


class Arms(Frozen):
    """One word for each arm."""

    baseline: str
    subject: str


class FileRecord(Frozen):
    """A file by path (``/`` between steps), size in bytes, digest."""

    path: str
    size: int = Field(ge=0)
    digest: Digest


class ModelFile(FileRecord):
    """A file of a model folder; ``loaded`` says whether it entered the boundary."""

    loaded: bool


class ModelRecord(Frozen):
    """A model folder: its root digest and all its files, sorted by path. ``oms`` joins it to a
    signature of OpenSSF Model Signing (:mod:`invarlock.artifacts.oms`)."""

    digest: Digest
    oms: Digest
    files: tuple[ModelFile, ...]


class Validation(Frozen):
    """Whether every required gate on the task's primary metric passes, and there is one:
    ``perplexity.ratio`` where rows are tokens, ``accuracy.delta`` where they are choices."""

    primary_metric_acceptable: bool


class Span(Frozen):
    """Where a gate stands, counted from 1; ``file`` is one of the run: the policy's source, or
    what it includes (:mod:`invarlock.judge.sources`)."""

    file: str
    line: int
    column: int


class ReportedGate(GateResult):
    """A gate's result and where the gate stands in the source."""

    span: Span


GuardName = Literal["invariants", "spectral", "rmt", "rows", "variance", "overhead"]
"""The guards, by the first word of their measures."""


class WorstTensor(Frozen):
    """The matrix that moved most; ln σ₁ of both arms in nats, ``None`` where there is none. Of
    ``rmt`` the layer that grew most, and its edge risk in both arms; of ``variance`` the
    block whose spread moved most, and the ln of it."""

    name: str
    family: str
    baseline: DecimalText | None
    subject: DecimalText | None


class GuardReport(Frozen):
    """A guard: its gates' verdict, and its measures with or without a gate.

    ``verdict`` is over required gates; ``ungated`` where the bar requires nothing of the guard.
    """

    name: GuardName
    verdict: Outcome | Literal["ungated"]
    measures: dict[str, DecimalText | None]
    worst: WorstTensor | None


class Report(Frozen):
    """``evaluation.report.json``. ``files`` lists every other file of the run known by then.

    ``content_digest`` is of windows, tensors and numbers as a reader of the evidence has them;
    ``baseline`` is lacking where an import was given no folder of it. ``tokenizer_files`` are those
    whose bytes differ between the arms, whether or not they mean the same; ``merkle_root`` is the
    root over its windows (:mod:`invarlock.evidence.leaves`).
    """

    version: Literal["invarlock.report/1"] = "invarlock.report/1"
    created: Instant
    tool: Tool
    names: Names
    packages: dict[str, Label]
    kernels: dict[str, Label]
    threads: Annotated[int, Field(ge=1)] | None
    timings: dict[str, DecimalText]
    policy: PolicyRecord
    resolved_policy: BarIR
    origin: Origin
    logs: LogFacts | None
    contract: Contract
    measurement_contract_hash: Digest
    seeds: Seeds
    look: Look
    device: Arms
    tokenizer_hash: Digest | None
    tokenizer_files: tuple[str, ...]
    provider_digest: Digest
    window_match_fraction: DecimalText | None
    window_overlap_fraction: DecimalText | None
    data: DataFacts
    baseline: ModelRecord | None
    subject: ModelRecord
    runtime: RuntimeFacts
    verdict: Outcome
    validation: Validation
    gates: tuple[ReportedGate, ...]
    guards: tuple[GuardReport, ...]
    evidence_digest: Digest
    content_digest: Digest
    merkle_root: Digest
    files: tuple[FileRecord, ...]

    @property
    def declared(self) -> Declared:
        """The fields under :data:`DECLARED`."""
        return Declared(**{name: getattr(self, name) for name in DECLARED})

    def encode(self) -> bytes:
        """The canonical bytes of the report file."""
        return canonical_bytes(self.model_dump(mode="json"))
