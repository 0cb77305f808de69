"""What every boundary of an evaluation is made from, and one arm's outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.artifacts.folder import Folder, SealedFile, open_folder, seal_file
from invarlock.evaluate.outputs import read_output
from invarlock.evaluate.request import Request
from invarlock.evidence.schema import Arm, Contract, Digest, Schedule
from invarlock.measure.job import ArmAnswer, NullEdit, Span
from invarlock.security.launch import Mode
from invarlock.security.manifest import ArmRuntime

MAX_DATA_BYTES: Final = 4 << 30

LEFT_BY: Final[Mapping[Arm, tuple[str, ...]]] = {
    "baseline": (
        "windows.json",
        "windows.u32",
        "positions.u32",
        "baseline.i64",
        "baseline.tensors.json",
        "baseline.activations.json",
        "hidden.f32",
    ),
    "subject": (
        "subject.i64",
        "subject.tensors.json",
        "subject.activations.json",
        "guards.i64",
        "overhead.json",
    ),
}
"""The files that an arm leaves beside its answer."""

DRAWN: Final = ("windows.json", "windows.u32", "positions.u32")
"""Those of the whole schedule, as the baseline's arm drew it; all others are of what was scored."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that both arms need, opened and hashed. With ``null``, the subject is its model after
    that edit."""

    request: Request
    mode: Mode
    contract: Contract
    schedule: Schedule
    baseline: Folder
    subject: Folder
    data: SealedFile
    null: NullEdit | None = None

    def model(self, arm: Arm) -> Folder:
        """The folder of that arm's model."""
        return self.baseline if arm == "baseline" else self.subject


def open_inputs(
    request: Request,
    mode: Mode,
    contract: Contract,
    schedule_of: Callable[[Digest], Schedule],
    stack: ExitStack,
) -> Inputs:
    """Hash and seal both folders, side by side: sha256 lets other threads run; and the data.

    ``schedule_of`` gives the schedule for data of a digest. All is let go with ``stack``. Raises
    like :func:`open_folder` and :func:`seal_file`.
    """
    data = seal_file(request.data, MAX_DATA_BYTES)
    stack.callback(data.close)
    baseline, subject = open_models(request, stack)
    return Inputs(
        request=request,
        mode=mode,
        contract=contract,
        schedule=schedule_of(data.digest),
        baseline=baseline,
        subject=subject,
        data=data,
    )


def open_models(request: Request, stack: ExitStack) -> tuple[Folder, Folder]:
    """Baseline and subject, hashed and sealed; let go with ``stack``. Raises like
    :func:`open_folder`."""
    contexts = [
        open_folder(path, budget=request.sealed_share)
        for path in (request.baseline, request.subject)
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        opened = [pool.submit(stack.enter_context, context) for context in contexts]
    return opened[0].result(), opened[1].result()


@dataclass(frozen=True, slots=True)
class Measured:
    """One arm on some windows: what it answered, what each of its boundaries was observed to be,
    and its files by name. The files of :data:`DRAWN` are of the whole schedule, all else is of
    ``spans``, which are in order and apart from one another."""

    spans: tuple[Span, ...]
    answer: ArmAnswer
    runtimes: tuple[ArmRuntime, ...]
    files: Mapping[str, Path]

    def read(self, name: str) -> bytes:
        """The bytes of one of the files. Raises :class:`SafetyRefusal` E303."""
        path = self.files[name]
        return read_output(path.parent, path.name)
