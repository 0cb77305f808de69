"""What was measured, as data: the header, the windows, the tensors (DESIGN sections 4 and 5).

A run's ``evidence/`` folder holds

    evidence.json           :class:`Header`, canonical JSON, with the digest of every other file
    windows.json            :class:`Window` records in schedule order
    windows.u32             token ids, little-endian uint32, shape (windows, length)
    baseline.i64            log-loss, little-endian int64 in 1e-9 nats, shape (1, rows)
    subject.i64             log-loss, KL, Δp, top-1 agreement, int64, shape (4, rows)
    baseline.tensors.json   :class:`Tensor` records of the baseline, sorted by name
    subject.tensors.json    the same of the subject

where ``rows = windows * (length - 1)``: the first token of a window is context. Losses and KL are
in 1e-9 nats, Δp (subject minus baseline) in 1e-9 of probability, agreement is 0 or 1.
``canonical.NON_FINITE`` flags a number that was NaN or infinite.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from invarlock.canonical import digest_json

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Arm = Literal["baseline", "subject"]
ARMS: Final[tuple[Arm, Arm]] = ("baseline", "subject")

HEADER_FILE: Final = "evidence.json"
PART_FILES: Final = (
    "baseline.i64",
    "baseline.tensors.json",
    "subject.i64",
    "subject.tensors.json",
    "windows.json",
    "windows.u32",
)
BASELINE_COLUMNS: Final = ("loss",)
SUBJECT_COLUMNS: Final = ("loss", "kl", "delta_p", "top1")


class Frozen(BaseModel):
    """Immutable and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WindowContract(Frozen):
    """How windows are cut. ``length`` in tokens."""

    schedule: Literal["baseline"]
    length: int = Field(ge=2)


class EstimateContract(Frozen):
    """How intervals are made. ``confidence`` is an exact decimal, two-sided."""

    interval: Literal["bca"]
    confidence: str
    seed: int = Field(ge=0)
    resample: Literal["document"]
    resamples: int = Field(ge=1)
    minimum_documents: int = Field(ge=2)


class Contract(Frozen):
    """The measurement contract: two runs are comparable only under the same one."""

    version: Literal["invarlock.contract/1"] = "invarlock.contract/1"
    task: Literal["causal_lm"]
    windows: WindowContract
    estimate: EstimateContract
    dtype: Literal["float32"] = "float32"
    kl: Literal["full-vocabulary"] = "full-vocabulary"
    spectral: Literal["gram-float64"] = "gram-float64"

    @property
    def digest(self) -> str:
        """``measurement_contract_hash`` of the report."""
        return digest_json(self.model_dump(mode="json"))


class Schedule(Frozen):
    """Which windows were drawn: the seed comes from bar digest and data digest."""

    seed: Digest
    preview: int = Field(ge=0)
    final: int = Field(ge=0)


class TokenizerFacts(Frozen):
    """What decides whether two tokenizers are one: digests of their canonical JSON."""

    vocabulary: Digest
    merges: Digest
    specials: Digest
    template: Digest


class ArmFacts(Frozen):
    """One arm: the root digest of its folder, its tokenizer, and where it ran."""

    root: Digest
    tokenizer: TokenizerFacts
    device: str


class DataFacts(Frozen):
    """The data file: sha256 of its bytes, its documents, and how many windows it offers."""

    digest: Digest
    documents: int = Field(ge=0)
    windows: int = Field(ge=0)


class Header(Frozen):
    """The head of the evidence; binds all its parts."""

    version: Literal["invarlock.evidence/1"] = "invarlock.evidence/1"
    origin: Literal["measured"]
    contract: Contract
    schedule: Schedule
    data: DataFacts
    baseline: ArmFacts
    subject: ArmFacts
    parts: dict[str, Digest]


class Window(Frozen):
    """A run of tokens cut from one document.

    ``id`` is the digest of the token ids as the baseline's tokenizer cut them (little-endian
    uint32); ``subject_id`` the digest of what the subject's tokenizer gives at the same place, or
    ``None`` where it gives nothing. ``start`` is the token offset in the document.
    """

    id: Digest
    subject_id: Digest | None
    phase: Literal["preview", "final"]
    document: str
    slice: str | None
    start: int = Field(ge=0)


class Tensor(Frozen):
    """One stored tensor of one arm.

    ``spectrum`` says how ``log_sigma`` (ln σ₁ in units of 1e-9) came about: ``vector`` tensors
    have none, ``zero`` matrices have σ₁ = 0, ``non_finite`` ones hold NaN or infinity.
    """

    name: str
    family: Literal["attn", "embed", "ffn", "other"]
    shape: tuple[int, ...]
    dtype: str
    non_finite: int = Field(ge=0)
    spectrum: Literal["measured", "vector", "zero", "non_finite"]
    log_sigma: int | None


class RuntimeFacts(Frozen):
    """What the runtime manifest says was observed, as the words that gates compare."""

    isolation: Literal["host", "sandbox"]
    network: Literal["off", "on"]
    remote_code: Literal["off", "on"]
    pickle: Literal["off", "on"]
    plugins: Literal["off", "on"]
