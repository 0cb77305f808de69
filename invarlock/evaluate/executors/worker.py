"""One worker: a trusted parent of its own, which opens, hashes, launches and reads back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from invarlock.errors import InvarlockError, SafetyRefusal
from invarlock.evaluate.inputs import Inputs, Measured, open_inputs
from invarlock.evaluate.piece import Piece, run_piece
from invarlock.evaluate.request import Request
from invarlock.evidence.schema import Contract, Digest, Schedule
from invarlock.security.guard import enforce_default_security
from invarlock.security.launch import Mode
from invarlock.security.paths import secure_tempdir


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a worker is sent once: what to open, and the digests that it must find."""

    request: Request
    mode: Mode
    contract: Contract
    schedule: Schedule
    baseline: Digest
    subject: Digest
    data: Digest


@dataclass(frozen=True, slots=True)
class Task:
    """A piece whose given files are all bytes."""

    piece: Piece


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a piece; ``measured`` has no files, whose bytes are in ``files``."""

    measured: Measured
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Failed:
    """The error that ended a piece, in parts: exceptions of more than a message do not travel."""

    kind: type[InvarlockError]
    words: tuple[str, str, str]

    @property
    def error(self) -> InvarlockError:
        """The error again."""
        return self.kind(*self.words)


class Worker:
    """Opens what its parcel names when it is first given work, and keeps it open."""

    def __init__(self, parcel: Parcel) -> None:
        enforce_default_security()
        self._parcel = parcel
        self._stack = ExitStack()
        self._inputs: Inputs | None = None
        self._done = 0

    def run(self, task: Task) -> Finished | Failed:
        """Launch the boundary of a piece. Errors made on purpose are answers; others propagate."""
        try:
            return self._run(task.piece)
        except InvarlockError as err:
            return Failed(type(err), (err.code, err.message, err.hint))

    def _run(self, piece: Piece) -> Finished:
        inputs = self._opened()
        with secure_tempdir() as folder:
            measured = run_piece(inputs, piece, folder / "out", _silent)
            files = {name: measured.read(name) for name in measured.files}
        return Finished(replace(measured, files={}), files)

    def _opened(self) -> Inputs:
        if self._inputs is None:
            parcel = self._parcel
            inputs = open_inputs(
                *(parcel.request, parcel.mode, parcel.contract),
                lambda data: parcel.schedule,
                self._stack,
            )
            found = (inputs.baseline.root_digest, inputs.subject.root_digest, inputs.data.digest)
            names = (parcel.request.baseline, parcel.request.subject, parcel.request.data)
            wanted = (parcel.baseline, parcel.subject, parcel.data)
            for path, seen, digest in zip(names, found, wanted, strict=True):
                _same(path, seen, digest)
            self._inputs = inputs
        return self._inputs


def _same(path: Path, seen: Digest, digest: Digest) -> None:
    if seen != digest:
        raise SafetyRefusal(
            "E209",
            f"`{path}` is not what it was: a worker reads other bytes there",
            "stop whatever writes to it",
        )


def _silent(line: str) -> None:
    """A worker's progress is the driver's to tell."""
