"""The program inside the boundary: ``python -m invarlock.measure.worker --in DIR --out DIR``.

Reads ``job.json``, does the job, writes ``answer.json`` last. The boundary has been probed, and the
parent has given leave, before this starts. Whatever goes wrong becomes the answer's error; no
traceback leaves as such. Exit code: 0 with a result, 1 with an error, 74 without room for either.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from invarlock.errors import EnvironmentFault, InternalFault, InvarlockError
from invarlock.evidence.schema import Arm
from invarlock.measure.job import (
    ANSWER_FILE,
    JOB_FILE,
    NO_ROOM,
    PROGRESS_MARK,
    ArmAnswer,
    ArmError,
    ArmJob,
    Device,
)
from invarlock.measure.logs.job import LogJob
from invarlock.measure.postpone import postpone

_UNWANTED: Final = (
    "accelerate",
    "apex",
    "bitsandbytes",
    "deepspeed",
    "flash_attn",
    "kernels",
    "peft",
    "scipy",
    "sklearn",
    "torchaudio",
    "torchvision",
    "triton",
    "xformers",
)
"""Packages that the model library takes up when they happen to be installed. None is needed, some
load code or change digits, and what a run measures must not depend on its neighbours."""

_GARBAGE: Final = 100_000
"""Objects made between two searches for garbage."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MAX_TEXT: Final = 2000


def main(argv: Sequence[str]) -> int:
    """Run the job of ``argv`` (without the program's name); the exit code."""
    return serve(argv, ArmJob, _measure)


@dataclass(frozen=True, slots=True)
class Folders:
    """The two folders of a boundary."""

    inputs: Path
    out: Path


Job = TypeVar("Job", ArmJob, LogJob)


def serve(argv: Sequence[str], kind: type[Job], run: Callable[[Job, Folders], ArmAnswer]) -> int:
    """Read the job, ``run`` it, and answer; the exit code."""
    folders = _folders(argv)
    job = kind.model_validate_json((folders.inputs / JOB_FILE).read_bytes())
    _settle(job.device if isinstance(job, ArmJob) else "cpu")
    _report_crashes(job.arm, folders.out)
    try:
        answer = run(job, folders)
    except InvarlockError as err:
        answer = _failed(job.arm, err)
    except MemoryError:
        answer = _failed(job.arm, EnvironmentFault("E604", "memory gave out", "free memory"))
    except OSError as err:
        answer = _failed(job.arm, _disk(err))
    try:
        _write(folders.out, answer)
    except OSError:
        return NO_ROOM
    return 0 if answer.error is None else 1


def _measure(job: ArmJob, folders: Folders) -> ArmAnswer:
    from invarlock.measure.arm import Place, run_arm

    return run_arm(job, Place(folders.inputs, folders.out, _say))


def _settle(device: Device) -> None:
    """How the libraries of this process are to run; each reads this when it is first imported."""
    # Each tensor of the guards is one thread's work: a second level of threads would only contend.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    # Threads that wait must sleep: where cores are shared, spinning makes both sides crawl.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    # Importing the model library makes millions of objects, none of them garbage.
    gc.set_threshold(_GARBAGE)
    gpu = device.startswith("cuda")
    for name in _UNWANTED:
        if not (gpu and name == "accelerate"):  # it splits a model among GPUs
            sys.modules[name] = None  # type: ignore[assignment]  # the import system's for absent
    if device == "cpu":
        postpone()


def _folders(argv: Sequence[str]) -> Folders:
    given = dict(zip(argv[::2], argv[1::2], strict=True))
    return Folders(Path(given["--in"]), Path(given["--out"]))


def _say(line: str) -> None:
    """One line to the parent, which shows or keeps it."""
    sys.stderr.write(f"{PROGRESS_MARK}{line}\n")
    sys.stderr.flush()


def _disk(err: OSError) -> EnvironmentFault:
    reason = os.strerror(err.errno or 0).lower()
    name = Path(str(err.filename or "output")).name
    if err.errno in _NO_ROOM:
        return EnvironmentFault("E603", f"no room to write `{name}`", "free space")
    return EnvironmentFault("E603", f"`{name}`: {reason}", "check disk and permissions")


def _failed(arm: Arm, err: InvarlockError) -> ArmAnswer:
    error = ArmError(
        code=err.code,
        exit_code=err.exit_code,
        message=err.message[:_MAX_TEXT],
        hint=err.hint[:_MAX_TEXT],
    )
    return ArmAnswer(arm=arm, error=error)


def _write(out: Path, answer: ArmAnswer) -> None:
    (out / ANSWER_FILE).write_text(answer.model_dump_json(), encoding="utf-8")


def _report_crashes(arm: Arm, out: Path) -> None:
    """A defect, ours or a library's on a strange model, ends as E901 in the answer."""

    def hook(kind: type[BaseException], err: BaseException, trace: TracebackType | None) -> None:
        frames = traceback.extract_tb(trace)
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        reason = " ".join(str(err).split())[:300]
        fault = InternalFault("E901", f"`{kind.__name__}`{place}: {reason}", "please report it")
        try:
            _write(out, _failed(arm, fault))
        except OSError:
            os._exit(NO_ROOM)

    sys.excepthook = hook


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
