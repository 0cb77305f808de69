"""One boundary's worth of an arm: its own process, nothing bound but what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from invarlock.artifacts.folder import SealedFile, seal_bytes, seal_file
from invarlock.canonical import canonical_bytes
from invarlock.evaluate.inputs import LEFT_BY, Inputs, Measured
from invarlock.evaluate.outputs import MAX_PART_BYTES, read_answer
from invarlock.evidence.schema import Arm
from invarlock.measure.job import EVERY, PROGRESS_MARK, ArmJob, Purpose, Shard, Span
from invarlock.security.launch import LaunchRequest, launch

Say = Callable[[str], None]
Given = bytes | Path
"""A file that an earlier boundary left, or bytes cut from one."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one boundary is to do, and what earlier ones left for it.

    A baseline's piece that is given no ``windows.json`` draws the windows.
    """

    arm: Arm
    span: Span
    tensors: Shard | None = EVERY
    given: Mapping[str, Given] = field(default_factory=lambda: MappingProxyType({}))
    purpose: Purpose = "measure"


def run_piece(inputs: Inputs, piece: Piece, out: Path, say: Say) -> Measured:
    """Launch the boundary of ``piece``; it writes to the new private folder ``out``.

    Raises what the boundary reported, and whatever :func:`launch` and :func:`read_answer` raise.
    """
    model = inputs.model(piece.arm)
    with ExitStack() as stack:
        files = {name: _sealed(given, stack) for name, given in piece.given.items()}
        files, binds, job = _task(inputs, piece, files)
        out.mkdir(mode=0o700)
        sealed_job = seal_bytes(canonical_bytes(job.model_dump(mode="json")))
        stack.callback(sealed_job.close)
        result = launch(
            LaunchRequest(
                mode=inputs.mode,
                argv=("invarlock.measure.worker",),
                inputs={**files, "job.json": sealed_job.fd},
                binds=binds,
                out=out,
                environment=_environment(job),
                timeout_s=inputs.request.time_limit_s,
                progress=_progress(piece.arm, say),
            )
        )
    answer = read_answer(out, result.returncode, result.stderr_tail)
    runtime = result.arm(
        inputs=tuple(sorted({*files, *binds, "job.json"})), bytes_binding=model.bytes_binding
    )
    left = {name: out / name for name in LEFT_BY[piece.arm]}
    return Measured((piece.span,), answer, (runtime,), left)


def _sealed(given: Given, stack: ExitStack) -> int:
    sealed: SealedFile
    if isinstance(given, bytes):
        sealed = seal_bytes(given)
    else:
        sealed = seal_file(given, MAX_PART_BYTES, follow=False)
    stack.callback(sealed.close)
    return sealed.fd


def _task(
    inputs: Inputs, piece: Piece, given: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, Path], ArmJob]:
    """What the boundary is given: sealed inputs, files to bind, and the job itself."""
    models = {"model": inputs.model(piece.arm)}
    files = dict(given)
    drawn = "windows.json" in files
    if piece.purpose != "check" and piece.arm == "subject":
        models["baseline"] = inputs.baseline
    if piece.purpose == "measure" and (piece.arm == "subject" or not drawn):
        files["data.jsonl"] = inputs.data.fd
    binds: dict[str, Path] = {}
    expected: dict[str, str] = {}
    for prefix, folder in models.items():
        files |= folder.inputs(prefix)
        binds |= folder.binds(prefix)
        expected |= folder.expected(prefix)
    job = ArmJob(
        arm=piece.arm,
        purpose=piece.purpose,
        contract=inputs.contract,
        schedule=inputs.schedule,
        threads=inputs.request.threads_each,
        device=inputs.request.device,
        drawn=drawn,
        span=piece.span,
        tensors=piece.tensors,
        expected=expected,
        null=inputs.null if piece.arm == "subject" else None,
    )
    return files, binds, job


def _progress(arm: Arm, say: Say) -> Say:
    """Show the lines that the child means for the user, and no other of its output."""

    def show(line: str) -> None:
        if line.startswith(PROGRESS_MARK):
            say(f"{arm}: {line.removeprefix(PROGRESS_MARK)}")

    return show


def _environment(job: ArmJob) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    found = dict.fromkeys(names, str(job.threads))
    if job.device.startswith("cuda"):
        # Without it cuBLAS takes what memory it finds, and adds in another order each time.
        found["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    return found
