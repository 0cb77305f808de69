"""What was measured, as data: the header, the windows, the tensors (DESIGN sections 4 and 5).

A run's ``evidence/`` folder holds

    evidence.json           :class:`Header`, canonical JSON, with the digest of every other file
    windows.json            :class:`Window` records in schedule order
    windows.u32             token ids of all windows, one after another, little-endian uint32
    positions.u32           for every row the position in its window of the token it scores, uint32
    baseline.i64            the columns of the task, little-endian int64, shape (columns, rows)
    subject.i64             the same of the subject
    baseline.tensors.json   :class:`Tensor` records of the baseline, sorted by name
    subject.tensors.json    the same of the subject
    baseline.activations.json   :class:`Activation` records of the baseline, sorted by name
    subject.activations.json    the same of the subject
    guards.i64              log-loss of the subject over the guard windows, :data:`GUARD_COLUMNS`
    overhead.json           :class:`Overhead`, how long passes over as many windows took

where rows run over those of all windows, in order: a window has ``length`` tokens and ``rows``
scored rows. Which columns there are depends on the task (:data:`COLUMNS`). Losses and KL are in
1e-9 nats, Δp (subject minus baseline) in 1e-9 of probability, agreement is 0 or 1.
``canonical.NON_FINITE`` flags a number that was NaN or infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from invarlock.canonical import NANO, digest_json
from invarlock.evidence.families import Family

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Arm = Literal["baseline", "subject"]
ARMS: Final[tuple[Arm, Arm]] = ("baseline", "subject")

HEADER_FILE: Final = "evidence.json"
PART_FILES: Final = (
    "baseline.activations.json",
    "baseline.i64",
    "baseline.tensors.json",
    "guards.i64",
    "overhead.json",
    "positions.u32",
    "subject.activations.json",
    "subject.i64",
    "subject.tensors.json",
    "windows.json",
    "windows.u32",
)

Dtype = Literal["float32", "bfloat16", "float16"]
"""In which a model's body computes; head, softmax and sums are float32 and float64 always."""

TOKEN_TOLERANCE: Final[Mapping[Dtype, float]] = {
    "float32": 1e-4,
    "bfloat16": 1e-1,
    "float16": 2e-2,
}
"""Nats by which one token's log-loss may differ, on one machine, between numbers of threads and
shapes of batches. With both the same there is no difference: the bits are the same run to run."""
MEAN_TOLERANCE: Final[Mapping[Dtype, float]] = {
    "float32": 1e-6,
    "bfloat16": 5e-3,
    "float16": 1e-3,
}
"""Likewise for the mean over all tokens."""

Task = Literal["causal_lm", "masked_lm", "seq2seq_lm", "multiple_choice", "classification"]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of ``baseline.i64`` and of ``subject.i64``, in the order they are stored."""

    baseline: tuple[str, ...]
    subject: tuple[str, ...]


_TOKENS: Final = Columns(("loss",), ("loss", "kl", "delta_p", "top1"))
COLUMNS: Final[Mapping[Task, Columns]] = {
    "causal_lm": _TOKENS,
    "masked_lm": _TOKENS,
    "seq2seq_lm": _TOKENS,
    "multiple_choice": Columns(("loss",), ("loss",)),
    "classification": Columns(("loss",), ("loss",)),
}
"""What is recorded of every row that is measured, by task.

Where rows are tokens, ``loss`` is the log-loss of the true one, ``kl`` KL(baseline‖subject),
``delta_p`` the change of the true token's probability, ``top1`` whether both arms rank the same
token first. Where rows are the choices or labels of an item, ``loss`` is the −log-likelihood of
each.
"""
COLUMN_PLACES: Final[Mapping[str, int]] = {"loss": 9, "kl": 9, "delta_p": 9, "top1": 0}
"""Decimal places of a column's integers: 1 is 1e-9 nats, 1e-9 of probability, or one row where the
arms agree. What the baseline records has the same name after ``baseline_``."""
GUARD_COLUMNS: Final = ("bare", "scaled")
"""What the subject's guard windows were scored at again: without a guard at work, and with the
outputs of its blocks at the baseline's scales. Rows are those of the guard windows; no bytes where
the guards on activations did not run."""
NORM_LIMIT: Final = 20_723_265_837
"""ln 1e9 in 1e-9 nats: a norm that became a billion times as large, or none at all."""
CHANGE_LIMIT: Final = NANO * 1_000_000
"""A million in 1e-9: what a change from nothing at all is given as."""


_IMPORTED: Final = Columns(("loss",), ("loss",))

Origin = Literal["imported", "measured"]
"""Where numbers come from: a boundary that ran the models, or logs of other programs."""
LogKind = Literal["lm-eval", "tokens"]
LOG_TASKS: Final[Mapping[LogKind, Task]] = {"lm-eval": "multiple_choice", "tokens": "causal_lm"}
"""Logs that can be imported, and the task that each is evidence for."""


def stored_columns(task: Task, origin: Origin) -> Columns:
    """The columns of evidence for ``task``; what is imported has log-losses alone."""
    return COLUMNS[task] if origin == "measured" else _IMPORTED


class Frozen(BaseModel):
    """Immutable and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class WindowContract(Frozen):
    """How windows are cut. ``length`` in tokens; ``masked`` of them where a model fills masks;
    ``beacon`` says whether the seed needs one."""

    schedule: Literal["baseline"]
    length: int = Field(ge=2)
    beacon: Literal["none", "required"] = "none"
    content: Literal["text", "chat"] = "text"
    masked: int | None = Field(default=None, ge=1)
    masks: Literal["shake256"] | None = None


class EstimateContract(Frozen):
    """How intervals are made. ``confidence`` is an exact decimal, two-sided.

    ``looks`` and ``spending`` say when a run is judged, and how the looks share the errors that
    the confidence allows (:mod:`invarlock.judge.spending`). ``tails`` and ``allowance`` name what
    is done against few documents and skewed ones (:mod:`invarlock.judge.bootstrap`).
    """

    interval: Literal["bca"]
    tails: Literal["expanded-student"] = "expanded-student"
    allowance: Literal["one-more-document"] = "one-more-document"
    confidence: str
    seed: int = Field(ge=0)
    resample: Literal["document"]
    resamples: int = Field(ge=1)
    minimum_documents: int = Field(ge=2)
    normalise: Literal["none", "bytes"] = "none"
    looks: int = Field(default=1, ge=1, le=10)
    spending: Literal["none", "obrien_fleming", "pocock"] = "none"


class SpectralContract(Frozen):
    """How the spectrum of a matrix is taken: all eigenvalues of its Gram matrix in float64."""

    algorithm: Literal["gram-float64"] = "gram-float64"


class Scales(Frozen):
    """A scale for each family of matrices, in nats, exact decimals."""

    attn: str
    embed: str
    ffn: str
    other: str


class CapsContract(Frozen):
    """When a shift of ln σ₁ is a cap; judged by the settings of the bar, as intervals are."""

    correction: Literal["bh", "bonferroni"]
    level: str
    scale: Scales


class OutliersContract(Frozen):
    """How singular values outside the Marchenko–Pastur bulk are counted.

    ``scale``: the variance of the bulk follows from the median singular value. ``margin`` beyond
    the edge, in Tracy–Widom units: 3.2724 is exceeded by one pure noise matrix in a thousand.
    """

    algorithm: Literal["marchenko-pastur"] = "marchenko-pastur"
    scale: Literal["median"] = "median"
    margin: Literal["3.2724"] = "3.2724"


class RowsContract(Frozen):
    """When a row or column of the subject counts as turned away from the baseline's.

    A row: ``cosine`` below this, and some element changed by at least ``change`` of the largest
    in the baseline's row, or of ``floor`` root mean squares of its matrix if that is more. A
    column: cosine below ``column_cosine``. Columns, and rows where norms are compared, with less
    than ``negligible`` of the root mean square norm in the baseline are left out.
    """

    algorithm: Literal["same-place"] = "same-place"
    cosine: Literal["0.9"] = "0.9"
    change: Literal["0.5"] = "0.5"
    floor: Literal["3"] = "3"
    column_cosine: Literal["0.5"] = "0.5"
    negligible: Literal["0.5"] = "0.5"


class EdgeContract(Frozen):
    """How the edge risk of a layer is taken: of its outputs over the first ``windows`` final
    windows, each feature standardised; σ₁ by block Lanczos from vectors of ``seed``, to a relative
    ``tolerance``."""

    matrix: Literal["standardised-outputs"] = "standardised-outputs"
    windows: Literal[8] = 8
    algorithm: Literal["block-lanczos"] = "block-lanczos"
    seed: Literal[7] = 7
    tolerance: Literal["1e-6"] = "1e-6"


class VarianceContract(Frozen):
    """What is scaled, and by what: the output of each block's last layer, by the ratio of its
    median feature's standard deviation in the baseline over that in the subject, both over nine
    tenths of the tokens of the first half of the guard windows: those that lie farthest out are
    left aside. What that gains is read off the other half."""

    outputs: Literal["block-ends"] = "block-ends"
    scale: Literal["median-deviation"] = "median-deviation"
    tokens: Literal["nearest-nine-tenths"] = "nearest-nine-tenths"
    windows: Literal["halves"] = "halves"


class OverheadContract(Frozen):
    """What is held against the pass over the guard windows with every guard watching: the same
    pass again for the numbers, all passes over as many windows for the time."""

    guarded: Literal["first-pass"] = "first-pass"
    bare: Literal["passes-alike"] = "passes-alike"


class Contract(Frozen):
    """The measurement contract: two runs are comparable only under the same one."""

    version: Literal["invarlock.contract/1"] = "invarlock.contract/1"
    task: Task
    windows: WindowContract
    estimate: EstimateContract
    dtype: Dtype = "float32"
    kl: Literal["full-vocabulary"] = "full-vocabulary"
    spectral: SpectralContract = SpectralContract()
    caps: CapsContract
    outliers: OutliersContract = OutliersContract()
    rows: RowsContract = RowsContract()
    edge: EdgeContract = EdgeContract()
    variance: VarianceContract = VarianceContract()
    overhead: OverheadContract = OverheadContract()

    @property
    def digest(self) -> str:
        """``measurement_contract_hash`` of the report."""
        return digest_json(self.model_dump(mode="json"))


class Beacon(Frozen):
    """What nobody knew before it was made public: an entry of a log, a round of public randomness.

    ``value`` is its digest. ``source`` says where it stands, in the producer's words; that it is
    later than the subject's own entry in a log is for whoever knows the source to see.
    """

    value: Digest
    source: str


class Schedule(Frozen):
    """Which windows were drawn: the seed comes from bar digest, data digest and beacon.

    ``preview`` and ``final`` windows are planned; ``look`` is the one of the contract's looks at
    which the run stopped. Before the last there are fewer final windows
    (:func:`invarlock.evidence.looks.look_ends`) and no preview windows.
    """

    seed: Digest
    preview: int = Field(ge=0)
    final: int = Field(ge=0)
    beacon: Beacon | None = None
    look: int = Field(default=1, ge=1)


class TokenizerFacts(Frozen):
    """What decides whether two tokenizers are one: digests of their canonical JSON.

    ``ids`` is the largest token id that it can give, plus one.
    """

    ids: int = Field(ge=0, lt=2**32)
    vocabulary: Digest
    merges: Digest
    specials: Digest
    template: Digest


class ArmFacts(Frozen):
    """One arm: the root digest of its folder, its tokenizer, and where it ran.

    Of imported evidence the tokenizer is not known, nor the root of a baseline whose folder was not
    given.
    """

    root: Digest | None
    tokenizer: TokenizerFacts | None
    device: str


class LogFacts(Frozen):
    """The logs that evidence was imported from: their kind, and sha256 of each arm's file."""

    kind: LogKind
    baseline: Digest
    subject: Digest


class DataFacts(Frozen):
    """The data file: sha256 of its bytes, its documents, and how many windows it offers.

    Of imported evidence ``digest`` is that of the set of documents in the logs, whatever their
    order (:func:`invarlock.evidence.documents.documents_digest`).
    """

    digest: Digest
    documents: int = Field(ge=0)
    windows: int = Field(ge=0)


class Header(Frozen):
    """The head of the evidence; binds all its parts."""

    version: Literal["invarlock.evidence/1"] = "invarlock.evidence/1"
    origin: Origin
    contract: Contract
    schedule: Schedule
    data: DataFacts
    baseline: ArmFacts
    subject: ArmFacts
    logs: LogFacts | None = None
    parts: dict[str, Digest]


class Window(Frozen):
    """A run of ``length`` tokens cut from one document, of which ``rows`` are scored.

    ``id`` is the digest of the token ids as the baseline's tokenizer cut them (little-endian
    uint32); ``subject_id`` the digest of what the subject's tokenizer gives at the same place, or
    ``None`` where it gives nothing. ``document`` and ``slice`` are printable text. ``start`` is the
    token offset in the document. ``answer`` is the row that is right, where rows are choices or
    labels; ``sizes`` the bytes in UTF-8 of each choice. An imported window without token ids has
    length 0, and its id is the digest of what both logs say of the document.
    """

    id: Digest
    subject_id: Digest | None
    phase: Literal["preview", "final"]
    document: str
    slice: str | None
    start: int = Field(ge=0)
    length: int = Field(ge=0, lt=2**31)
    rows: int = Field(ge=1, lt=2**31)
    answer: int | None = Field(default=None, ge=0)
    sizes: tuple[Annotated[int, Field(ge=1, lt=2**31)], ...] | None = None


class Drift(Frozen):
    """How far a matrix of the subject lies from the baseline's of the same name and shape.

    Attributes:
        turned_rows: rows that point elsewhere, as the contract's ``rows`` says.
        turned_columns: columns that do.
        cosine: the smallest cosine between a row and the baseline's, in 1e-9.
        row_low, row_high: extremes of ln (row's norm, subject over baseline), in 1e-9 nats, within
            ``±NORM_LIMIT``.
        column_low, column_high: the same of columns.
    """

    turned_rows: int = Field(ge=0)
    turned_columns: int = Field(ge=0)
    cosine: int = Field(ge=-NANO, le=NANO)
    row_low: int = Field(ge=-NORM_LIMIT, le=NORM_LIMIT)
    row_high: int = Field(ge=-NORM_LIMIT, le=NORM_LIMIT)
    column_low: int = Field(ge=-NORM_LIMIT, le=NORM_LIMIT)
    column_high: int = Field(ge=-NORM_LIMIT, le=NORM_LIMIT)


class Tensor(Frozen):
    """One tensor of one arm, as the model computes with it.

    ``spectrum`` says how the numbers came about: ``vector`` tensors have no spectrum, ``zero``
    matrices have σ₁ = 0, ``non_finite`` ones hold NaN or infinity. Only the subject's tensors have
    ``drift`` or ``change``, and only beside a tensor of the baseline with the same name and shape,
    all numbers of both finite.

    Attributes:
        dtype: as stored; of a packed weight, the format and its number of bits.
        log_sigma: ln σ₁ in 1e-9 nats, of a measured matrix.
        log_norm: ln of the Frobenius norm in 1e-9 nats, of a measured matrix.
        outliers: singular values beyond the Marchenko–Pastur bulk, of a measured matrix.
        twin: of an embedding or a head, the first other one of the same arm with the same numbers:
            that is what a tied weight looks like where it is stored twice.
        drift: of a matrix.
        change: of a vector, the largest change of an element over the larger of its own size and
            the root mean square in the baseline, in 1e-9, at most ``CHANGE_LIMIT``.
    """

    name: str
    family: Family
    shape: tuple[int, ...]
    dtype: str
    non_finite: int = Field(ge=0)
    spectrum: Literal["measured", "vector", "zero", "non_finite"]
    log_sigma: int | None
    log_norm: int | None
    outliers: int | None = Field(ge=0)
    twin: str | None
    drift: Drift | None
    change: int | None = Field(ge=0, le=CHANGE_LIMIT)


class Activation(Frozen):
    """What one layer of an arm put out over the guard windows, the first of the schedule.

    ``spectrum`` says how the numbers came about: ``zero`` outputs do not vary over tokens,
    ``non_finite`` ones hold NaN or infinity.

    Attributes:
        name: of the layer, as the model library spells it; one that holds a matrix, or a norm that
            stands between a block and the residual stream.
        tokens: rows of the outputs: one for each scored row of the guard windows.
        features: columns.
        risk: edge risk in 1e-9, of measured outputs: σ₁ of the standardised outputs over
            √tokens + √features.
        log_spread: ln of the median feature's standard deviation over the first half of the guard
            windows, in 1e-9 nats; ``None`` where it is zero or was not measured.
    """

    name: str
    family: Family
    tokens: int = Field(ge=1)
    features: int = Field(ge=1)
    spectrum: Literal["measured", "zero", "non_finite"]
    risk: int | None = Field(ge=1)
    log_spread: int | None


class Overhead(Frozen):
    """Wall time of passes of the subject's body over as many windows as the guards watch, in
    nanoseconds, as measured: with the guards watching, and without."""

    guarded: tuple[int, ...]
    bare: tuple[int, ...]


class RuntimeFacts(Frozen):
    """What the runtime manifest says was observed, as the words that gates compare; all ``None``
    where the models ran elsewhere, unobserved."""

    isolation: Literal["host", "sandbox"] | None
    network: Literal["off", "on"] | None
    remote_code: Literal["off", "on"] | None
    pickle: Literal["off", "on"] | None
    plugins: Literal["off", "on"] | None
