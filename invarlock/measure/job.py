"""What parent and child say to each other: the job of one arm, and its answer.

No torch here: the parent imports this module. The answer comes from a process that has run a
hostile model, so the parent caps its size and checks it against :class:`ArmAnswer`.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

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
MODEL_FOLDER: Final = "model"
BASELINE_FOLDER: Final = "baseline"

PROGRESS_MARK: Final = "> "
"""Begins the lines of a child's standard error that are meant for the user; others are kept."""
NO_ROOM: Final = 74
"""Exit code of a child that could not even write its answer (EX_IOERR of sysexits.h)."""

Purpose = Literal["check", "measure"]
"""``check`` reads headers and configuration of the model and stops before any library does."""


class ArmJob(Frozen):
    """What one arm is to do.

    Inputs lie in the folder given as ``--in``: ``job.json``, ``model/…``, ``data.jsonl``, and for
    the subject also ``baseline/…``, ``windows.json``, ``windows.u32``, ``positions.u32``,
    ``baseline.i64`` and ``hidden.f32`` as the baseline's arm wrote them; to ``check``, ``model/…``
    alone is needed.
    ``expected`` maps inputs that are bound instead of sealed (such as
    ``model/model.safetensors``) to their digests; they are hashed before and after.
    """

    version: Literal["invarlock.job/1"] = "invarlock.job/1"
    arm: Arm
    purpose: Purpose = "measure"
    contract: Contract
    schedule: Schedule
    threads: int = Field(ge=1, le=4096)
    device: Literal["cpu"] = "cpu"
    expected: dict[str, Digest] = Field(default_factory=dict)


class ArmError(Frozen):
    """An error of the child's, to be raised again by the parent as the class with its exit code."""

    code: str = Field(pattern=r"^E[0-9]{3}$")
    exit_code: int = Field(ge=1, le=255)
    message: str = Field(max_length=2000)
    hint: str = Field(default="", max_length=2000)


class DataCounts(Frozen):
    """Documents in the data, and distinct windows that they offer."""

    documents: int = Field(ge=0)
    windows: int = Field(ge=0)


class ArmAnswer(Frozen):
    """What one arm found, beside its files.

    The baseline writes ``windows.json`` (``subject_id`` null), ``windows.u32``, ``positions.u32``,
    ``baseline.i64``, ``baseline.tensors.json`` and ``hidden.f32``: float32 little-endian hidden
    states where the output head begins, shape (rows, width); empty when the head cannot be split.
    The subject writes ``subject.i64`` and ``subject.tensors.json``.

    Attributes:
        error: why there is nothing else; files may then be missing.
        subject_ids: of the subject, for each scheduled window the digest of what its tokenizer
            gives at the same place, or null.
        packages: versions that can change a number.
        timings: milliseconds by phase.
    """

    version: Literal["invarlock.answer/1"] = "invarlock.answer/1"
    arm: Arm
    error: ArmError | None = None
    tokenizer: TokenizerFacts | None = None
    data: DataCounts | None = None
    device: str = Field(default="cpu", max_length=200)
    threads: int = Field(default=1, ge=1)
    packages: dict[str, str] = Field(default_factory=dict)
    timings: dict[str, int] = Field(default_factory=dict)
    subject_ids: tuple[Digest | None, ...] | None = None
