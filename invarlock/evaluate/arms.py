"""Measuring one arm: its own process, its own boundary, nothing bound but what it needs."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

import invarlock
from invarlock import __version__
from invarlock.artifacts.folder import Folder, SealedFile, seal_bytes, seal_file
from invarlock.canonical import canonical_bytes, digest_bytes, digest_json
from invarlock.errors import EnvironmentFault
from invarlock.evaluate.cache import BaselineCache
from invarlock.evaluate.outputs import MAX_PART_BYTES, read_answer, read_output
from invarlock.evaluate.request import Request
from invarlock.evidence.schema import Arm, Contract, Schedule
from invarlock.measure.job import PROGRESS_MARK, ArmAnswer, ArmJob, Purpose
from invarlock.security.launch import LaunchRequest, Mode, launch
from invarlock.security.manifest import ArmRuntime

Say = Callable[[str], None]

BASELINE_FILES: Final = (
    "windows.json",
    "windows.u32",
    "positions.u32",
    "baseline.i64",
    "baseline.tensors.json",
    "hidden.f32",
)
HANDED_OVER: Final = (
    "windows.json",
    "windows.u32",
    "positions.u32",
    "baseline.i64",
    "hidden.f32",
)
SUBJECT_FILES: Final = ("subject.i64", "subject.tensors.json")
_MEASURING: Final = ("artifacts", "evidence", "measure")
_VERSIONED: Final = ("torch", "transformers", "tokenizers", "safetensors", "numpy")


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that both arms need, opened and hashed."""

    request: Request
    mode: Mode
    contract: Contract
    schedule: Schedule
    baseline: Folder
    subject: Folder
    data: SealedFile


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What an arm answered, what its boundary was observed to be, and its files by name."""

    answer: ArmAnswer
    runtime: ArmRuntime
    files: Mapping[str, Path]

    def read(self, name: str) -> bytes:
        """The bytes of one of the files."""
        path = self.files[name]
        return read_output(path.parent, path.name)


def measure_baseline(
    inputs: Inputs, scratch: Path, cache: BaselineCache | None, say: Say
) -> ArmResult:
    """The baseline's arm, from the cache when the same was measured before.

    The subject is checked first, inside a boundary of its own: neither model is loaded before both
    have been looked at.
    """
    say("checking the subject's files")
    _launch(inputs, "subject", "check", scratch=scratch, say=say)
    key = _cache_key(inputs)
    kept = _from_cache(cache, key)
    if kept is not None:
        say("baseline: kept results, MAC verified")
        return kept
    result = _launch(inputs, "baseline", "measure", scratch=scratch, say=say)
    if cache is not None:
        records = {
            "answer.json": canonical_bytes(result.answer.model_dump(mode="json")),
            "runtime.json": canonical_bytes(result.runtime.model_dump(mode="json")),
        }
        cache.store(key, records=records, files=result.files)
    return result


def measure_subject(inputs: Inputs, first: ArmResult, scratch: Path, say: Say) -> ArmResult:
    """The subject's arm, given the windows and the last hidden states of the baseline."""
    with ExitStack() as stack:
        given: dict[str, int] = {}
        for name in HANDED_OVER:
            sealed = seal_file(first.files[name], MAX_PART_BYTES, follow=False)
            stack.callback(sealed.close)
            given[name] = sealed.fd
        return _launch(inputs, "subject", "measure", scratch=scratch, say=say, given=given)


def _launch(
    inputs: Inputs,
    arm: Arm,
    purpose: Purpose,
    *,
    scratch: Path,
    say: Say,
    given: Mapping[str, int] = MappingProxyType({}),
) -> ArmResult:
    model = inputs.baseline if arm == "baseline" else inputs.subject
    files, binds, job = _task(inputs, arm, purpose, given)
    out = scratch / f"{arm}-{purpose}"
    out.mkdir(mode=0o700)
    sealed_job = seal_bytes(canonical_bytes(job.model_dump(mode="json")))
    try:
        result = launch(
            LaunchRequest(
                mode=inputs.mode,
                argv=("invarlock.measure.worker",),
                inputs={**files, "job.json": sealed_job.fd},
                binds=binds,
                out=out,
                environment=_thread_environment(),
                timeout_s=inputs.request.time_limit_s,
                progress=_progress(arm, say),
            )
        )
    finally:
        sealed_job.close()
    answer = read_answer(out, result.returncode, result.stderr_tail)
    names = BASELINE_FILES if arm == "baseline" else SUBJECT_FILES
    runtime = result.arm(
        inputs=tuple(sorted({*files, *binds, "job.json"})), bytes_binding=model.bytes_binding
    )
    return ArmResult(answer, runtime, {name: out / name for name in names})


def _task(
    inputs: Inputs, arm: Arm, purpose: Purpose, given: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, Path], ArmJob]:
    """What the boundary is given: sealed inputs, files to bind, and the job itself."""
    models = {"model": inputs.baseline if arm == "baseline" else inputs.subject}
    files = dict(given)
    if purpose == "measure":
        files["data.jsonl"] = inputs.data.fd
        if arm == "subject":
            models["baseline"] = inputs.baseline
    binds: dict[str, Path] = {}
    expected: dict[str, str] = {}
    for prefix, folder in models.items():
        files |= folder.inputs(prefix)
        binds |= folder.binds(prefix)
        expected |= folder.expected(prefix)
    job = ArmJob(
        arm=arm,
        purpose=purpose,
        contract=inputs.contract,
        schedule=inputs.schedule,
        threads=_threads(),
        device=inputs.request.device,
        expected=expected,
    )
    return files, binds, job


def _progress(arm: Arm, say: Say) -> Say:
    """Show the lines that the child means for the user, and no other of its output."""

    def show(line: str) -> None:
        if line.startswith(PROGRESS_MARK):
            say(f"{arm}: {line.removeprefix(PROGRESS_MARK)}")

    return show


def _from_cache(cache: BaselineCache | None, key: Mapping[str, object]) -> ArmResult | None:
    entry = cache.load(key) if cache is not None else None
    if entry is None:
        return None
    try:
        answer = ArmAnswer.model_validate_json(entry.records["answer.json"])
        runtime = ArmRuntime.model_validate_json(entry.records["runtime.json"])
    except (KeyError, ValidationError) as err:
        raise EnvironmentFault(
            "E606", "a kept baseline result cannot be read", "remove the cache folder"
        ) from err
    kept = {name: entry.files[name] for name in BASELINE_FILES}
    return ArmResult(answer, runtime.model_copy(update={"reused": True}), kept)


def _cache_key(inputs: Inputs) -> dict[str, object]:
    """Everything that could change one of the baseline's numbers."""
    return {
        "entry": "invarlock.baseline/1",
        "baseline": inputs.baseline.root_digest,
        "data": inputs.data.digest,
        "contract": inputs.contract.model_dump(mode="json"),
        "schedule": inputs.schedule.model_dump(mode="json"),
        "device": inputs.request.device,
        "threads": _threads(),
        "isolation": inputs.mode,
        "bytes_binding": inputs.baseline.bytes_binding,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "invarlock": __version__,
        "code": _code_digest(),
        "packages": _packages(),
    }


def _code_digest() -> str:
    """Digest of the sources that measure: batch shapes, chunks and formulas are in them."""
    root = Path(invarlock.__file__).parent
    sources = sorted(p for part in _MEASURING for p in (root / part).rglob("*.py"))
    rows = {str(p.relative_to(root)): digest_bytes(p.read_bytes()) for p in sources}
    return digest_json(rows)


def _processor() -> str:
    """Model and instruction sets of the first core: kernels are chosen by them, digits follow."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor()
    wanted = ("model name", "flags", "CPU implementer", "Features")
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n", maxsplit=1)[0]
    return "\n".join(line for line in first.splitlines() if line.startswith(wanted))


def _packages() -> dict[str, str]:
    try:
        return {name: version(name) for name in _VERSIONED}
    except PackageNotFoundError as err:
        raise EnvironmentFault(
            "E605", f"`{err.name}` is not installed", "pip install 'invarlock[hf]'"
        ) from err


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def _thread_environment() -> dict[str, str]:
    count = str(_threads())
    return {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}
