"""What parent and child say to each other: the job of one arm, and its answer.

No torch here: the parent imports this module. The answer comes from a process that has run a
hostile model, so the parent caps its size and checks it against :class:`ArmAnswer`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from invarlock.evidence.schema import (
    Arm,
    Contract,
    Digest,
    Frozen,
    Schedule,
    TokenizerFacts,
)

JOB_FILE: Final = "job.json"
ANSWER_FILE: Final = "answer.json"
DATA_FILE: Final = "data.jsonl"
WINDOWS_FILE: Final = "windows.json"
TOKENS_FILE: Final = "windows.u32"
POSITIONS_FILE: Final = "positions.u32"
HIDDEN_FILE: Final = "hidden.f32"
LOSSES_FILE: Final = "baseline.i64"
LAYERS_FILE: Final = "baseline.activations.json"
MODEL_FOLDER: Final = "model"
BASELINE_FOLDER: Final = "baseline"

PROGRESS_MARK: Final = "> "
"""Begins the lines of a child's standard error that are meant for the user; others are kept."""
NO_ROOM: Final = 74
"""Exit code of a child that could not even write its answer (EX_IOERR of sysexits.h)."""

BATCH: Final = 8
"""Windows that pass the body together, counted anew where the preview windows begin. Spans start
and stop on this grid, so that a part of the schedule is scored in the batches of the whole."""

CHUNK: Final = 128
"""Rows of logits held at a time: few, so that they stay in a cache between the steps."""

Device = Annotated[str, StringConstraints(pattern=r"^(cpu|mps|cuda(:[0-9]{1,2})?)$")]
"""Where the body runs; ``cuda`` are as many GPUs as the model needs, ``cuda:N`` is that one."""

Purpose = Literal["check", "weights", "measure"]
"""``check`` reads headers and configuration of the model and stops before any library does;
``weights`` reads the stored tensors, and has no data and no windows."""


class Span(Frozen):
    """The windows ``start`` to ``stop`` (not included) of the schedule's order; final ones first.

    An empty span scores nothing, and no model is loaded for it.
    """

    start: int = Field(ge=0)
    stop: int = Field(ge=0)

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.stop < self.start:
            raise ValueError("a span stops before it starts")
        return self

    @property
    def windows(self) -> int:
        """How many windows it holds."""
        return self.stop - self.start


class Shard(Frozen):
    """Every ``count``-th stored tensor, by name, from the ``index``-th on."""

    index: int = Field(ge=0)
    count: int = Field(ge=1)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.index >= self.count:
            raise ValueError("a shard's index is below its count")
        return self


EVERY: Final = Shard(index=0, count=1)
"""All stored tensors."""


def on_grid(at: int, schedule: Schedule) -> bool:
    """Whether a span of ``schedule`` may start or stop before its window ``at``."""
    whole = schedule.final + schedule.preview
    first = 0 if at <= schedule.final else schedule.final
    return at in {schedule.final, whole} or (at < whole and (at - first) % BATCH == 0)


NullKind = Literal["cast", "noise", "reorder"]
"""What a null edit does; :mod:`invarlock.measure.null.changes` says how."""


class NullEdit(Frozen):
    """A change of the baseline's weights that nobody would call an edit, drawn from ``seed``."""

    kind: NullKind
    seed: int = Field(ge=0)


class ArmJob(Frozen):
    """What one arm is to do.

    Inputs lie in the folder given as ``--in``: ``job.json``, ``model/…``, and for the baseline
    ``data.jsonl``, from which it draws the windows, or once they are ``drawn`` the
    ``windows.json``, ``windows.u32`` and ``positions.u32`` that came of it. The subject needs
    ``data.jsonl``, these three, ``baseline/…``, and of its span the ``baseline.i64`` and
    ``hidden.f32`` that the baseline's arm wrote; to ``check``, ``model/…`` alone is needed; for
    ``weights``, that and the subject's ``baseline/…``.
    ``expected`` maps inputs that are bound instead of sealed (such as
    ``model/model.safetensors``) to their digests; they are hashed before and after.

    ``span`` are the windows to score, ``None`` for all; ``tensors`` the stored tensors to read,
    ``None`` for none. What parts of an arm write, put together in the order of windows and of
    names, is what one job for all of it writes, bit for bit on one machine with equal threads.
    With ``null``, the subject is the model after that edit, which is made here, in memory.
    """

    version: Literal["invarlock.job/1"] = "invarlock.job/1"
    arm: Arm
    purpose: Purpose = "measure"
    contract: Contract
    schedule: Schedule
    threads: int = Field(ge=1, le=4096)
    device: Device = "cpu"
    drawn: bool = False
    span: Span | None = None
    tensors: Shard | None = EVERY
    expected: dict[str, Digest] = Field(default_factory=dict)
    null: NullEdit | None = None

    @model_validator(mode="after")
    def _on_grid(self) -> Self:
        if self.span is not None:
            for at in (self.span.start, self.span.stop):
                if not on_grid(at, self.schedule):
                    raise ValueError(f"window {at} is not on the grid of batches")
        return self


class ArmError(Frozen):
    """An error of the child's, to be raised again by the parent as the class with its exit code."""

    code: str = Field(pattern=r"^E[0-9]{3}$")
    exit_code: int = Field(ge=1, le=255)
    message: str = Field(max_length=2000)
    hint: str = Field(default="", max_length=2000)


class ModelSize(Frozen):
    """How large a model is, as headers and configuration say: numbers stored, bytes of the largest
    tensor, and the sizes of its head (0 where the configuration does not say). It is the model's
    word, good for a plan and for nothing else."""

    parameters: int = Field(ge=0, lt=2**60)
    largest: int = Field(ge=0, lt=2**60)
    vocabulary: int = Field(ge=0, lt=2**40)
    width: int = Field(ge=0, lt=2**40)


PackageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,200}$")]
PackageVersion = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]


class DataCounts(Frozen):
    """Documents in the data, and distinct windows that they offer."""

    documents: int = Field(ge=0)
    windows: int = Field(ge=0)


class ArmAnswer(Frozen):
    """What one arm found, beside its files.

    The baseline writes ``windows.json`` (``subject_id`` null), ``windows.u32`` and
    ``positions.u32`` of the whole schedule, and of its span and its tensors ``baseline.i64``,
    ``baseline.tensors.json``, ``baseline.activations.json`` and ``hidden.f32``: float32
    little-endian hidden states where the output head begins, shape (rows, width); empty when the
    head cannot be split. The subject writes ``subject.i64``, ``subject.tensors.json`` and
    ``subject.activations.json``, and ``guards.i64`` and ``overhead.json``. The guards on
    activations are the work of the job whose span begins with the first window; others write an
    empty list, no bytes, and no times.

    Attributes:
        error: why there is nothing else; files may then be missing.
        size: of a model that was checked.
        data: of a baseline that drew the windows.
        content: of a log, the digest of the set of its documents.
        subject_ids: of the subject, for each window of its span the digest of what its tokenizer


        null: the null edit that was made, where one was asked for.
        subject_ids: of the subject, for each scheduled window the digest of what its tokenizer
            gives at the same place, or null.
        packages: versions that can change a number.
        kernels: what chose the kernels, where a model was loaded.
        timings: milliseconds by phase.
    """

    version: Literal["invarlock.answer/1"] = "invarlock.answer/1"
    arm: Arm
    error: ArmError | None = None
    tokenizer: TokenizerFacts | None = None
    size: ModelSize | None = None
    data: DataCounts | None = None
    content: Digest | None = None
    device: str = Field(default="cpu", max_length=200)
    threads: int = Field(default=1, ge=1)
    packages: dict[PackageName, PackageVersion] = Field(default_factory=dict)
    kernels: dict[str, str] = Field(default_factory=dict)
    timings: dict[str, int] = Field(default_factory=dict)
    subject_ids: tuple[Digest | None, ...] | None = None
    null: NullKind | None = None
