"""A run from logs that other programs wrote: read inside the boundary, paired, judged, written.

No model is loaded. The folders of both are hashed, so that the run names what it speaks of; that
the logs are theirs is the producer's word, and the evidence says that it was imported.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from invarlock.artifacts.folder import SealedFile, seal_bytes, seal_file, tree_of
from invarlock.bom.document import Version
from invarlock.bom.validate import check_validator
from invarlock.canonical import canonical_bytes
from invarlock.errors import EnvironmentFault
from invarlock.evaluate.combine import required, unusable
from invarlock.evaluate.outputs import read_answer, read_output
from invarlock.evaluate.record import Record, Watch, write_run
from invarlock.evaluate.request import ChosenBar, choose_bar
from invarlock.evaluate.run_folder import check_free, new_run_folder
from invarlock.evidence.schedule import schedule_seed
from invarlock.evidence.schema import (
    ARMS,
    HEADER_FILE,
    Arm,
    ArmFacts,
    Beacon,
    DataFacts,
    Header,
    LogFacts,
    LogKind,
    Overhead,
    Window,
)
from invarlock.evidence.store import (
    encode_activations,
    encode_header,
    encode_overhead,
    encode_tensors,
    encode_windows,
    part_digests,
)
from invarlock.judge import check_beacon, contract_of, schedule_of
from invarlock.judge.records import Names, Report
from invarlock.measure.job import ArmAnswer
from invarlock.measure.logs.job import LOG_FILE, ORDER_FILE, LogJob
from invarlock.security.launch import LaunchRequest, Mode, launch
from invarlock.security.manifest import ArmRuntime, Requested, RuntimeManifest
from invarlock.security.select import choose_mode

Say = Callable[[str], None]

MAX_LOG_BYTES: Final = 4 << 30
_WINDOWS: Final = TypeAdapter(tuple[Window, ...])
_DEVICE: Final = "not known"
_GIVEN: Final = (ORDER_FILE, "windows.json")
"""What the baseline's log leaves for the subject's."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """One import. ``slice_key`` names the key that tells a document's slice in a harness's log;
    ``time_limit_s`` in seconds for each log."""

    policy: str
    tier: str | None
    profile: str | None
    kind: LogKind
    baseline_log: Path
    subject_log: Path
    baseline: Path | None
    subject: Path
    out: Path
    slice_key: str | None = None
    beacon: Beacon | None = None
    requested_mode: Literal["auto", "sandbox", "host"] = "auto"
    time_limit_s: float = 600.0
    bom_version: Version = "1.6"


@dataclass(frozen=True, slots=True)
class _Read:
    """What one boundary made of a log."""

    answer: ArmAnswer
    runtime: ArmRuntime
    folder: Path

    def part(self, name: str) -> bytes:
        return read_output(self.folder, name)


def run_import(request: ImportRequest, say: Say) -> Report:
    """Read both logs, judge, and write the run folder; ``say`` is told what is being done.

    Raises the errors of an evaluation; E001 where the logs do not hold the same documents in one
    order, E003 for a line that cannot be read. The run folder then does not exist.
    """
    check_free(request.out)
    check_validator()
    _check_present(request)
    chosen = choose_bar(request)
    schedule_of(chosen.bar, chosen.bar.digest)
    check_beacon(chosen.bar, request.beacon)
    mode = choose_mode(request.requested_mode)
    watch = Watch()
    with ExitStack() as stack:
        logs: dict[Arm, SealedFile] = {
            arm: seal_file(path, MAX_LOG_BYTES) for arm, path in _logs(request)
        }
        for sealed in logs.values():
            stack.callback(sealed.close)
        folder = stack.enter_context(new_run_folder(request.out))
        scratch = folder / ".boundary"
        scratch.mkdir(mode=0o700)
        reader = _Reader(request, chosen, mode, scratch)
        say("reading the baseline's log")
        with watch("baseline"):
            baseline = reader.read("baseline", {LOG_FILE: logs["baseline"]})
        say("reading the subject's log")
        with watch("subject"):
            given = {name: seal_bytes(baseline.part(name)) for name in _GIVEN}
            for sealed in given.values():
                stack.callback(sealed.close)
            subject = reader.read("subject", {LOG_FILE: logs["subject"], **given})
        say("hashing models, and judging")
        report = write_run(folder, _record(request, chosen, logs, baseline, subject), watch)
        shutil.rmtree(scratch)
    return report


def _check_present(request: ImportRequest) -> None:
    for what, path in (
        ("the baseline's log", request.baseline_log),
        ("the subject's log", request.subject_log),
        ("baseline", request.baseline),
        ("subject", request.subject),
    ):
        if path is not None and not path.exists():
            raise EnvironmentFault("E601", f"{what} `{path}` does not exist", "check the path")


def _logs(request: ImportRequest) -> tuple[tuple[Arm, Path], ...]:
    return (("baseline", request.baseline_log), ("subject", request.subject_log))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Launches a boundary for a log."""

    request: ImportRequest
    chosen: ChosenBar
    mode: Mode
    scratch: Path

    def read(self, arm: Arm, files: Mapping[str, SealedFile]) -> _Read:
        """Raises what the boundary reported, and what launching raises."""
        out = self.scratch / arm
        out.mkdir(mode=0o700)
        bar = self.chosen.bar
        job = LogJob(
            arm=arm,
            kind=self.request.kind,
            contract=contract_of(bar),
            schedule=schedule_of(bar, bar.digest, self.request.beacon),
            bar=bar.digest,
            slice_key=self.request.slice_key,
        )
        sealed = seal_bytes(canonical_bytes(job.model_dump(mode="json")))
        try:
            result = launch(
                LaunchRequest(
                    mode=self.mode,
                    argv=("invarlock.measure.logs.worker",),
                    inputs={**{n: f.fd for n, f in files.items()}, "job.json": sealed.fd},
                    out=out,
                    timeout_s=self.request.time_limit_s,
                )
            )
        finally:
            sealed.close()
        answer = read_answer(out, result.returncode, result.stderr_tail)
        names = tuple(sorted({*files, "job.json"}))
        return _Read(answer, result.arm(inputs=names, bytes_binding="sealed"), out)


def _record(
    request: ImportRequest,
    chosen: ChosenBar,
    logs: Mapping[Arm, SealedFile],
    baseline: _Read,
    subject: _Read,
) -> Record:
    roots = {
        arm: (None, ()) if path is None else tree_of(path)
        for arm, path in (("baseline", request.baseline), ("subject", request.subject))
    }
    parts = _parts(baseline, subject)
    counted = required(baseline.answer.data, "data")
    content = required(baseline.answer.content, "content")
    seed = schedule_seed(chosen.bar.digest, content, request.beacon)
    header = Header(
        origin="imported",
        contract=contract_of(chosen.bar),
        schedule=schedule_of(chosen.bar, seed, request.beacon),
        data=DataFacts(digest=content, documents=counted.documents, windows=counted.windows),
        baseline=ArmFacts(root=roots["baseline"][0], tokenizer=None, device=_DEVICE),
        subject=ArmFacts(root=roots["subject"][0], tokenizer=None, device=_DEVICE),
        logs=LogFacts(
            kind=request.kind, baseline=logs["baseline"].digest, subject=logs["subject"].digest
        ),
        parts=part_digests(parts),
    )
    return Record(
        chosen=chosen,
        parts={HEADER_FILE: encode_header(header), **parts},
        manifest=RuntimeManifest(
            work="import",
            requested=Requested(execution_mode=request.requested_mode),
            arms={"baseline": (baseline.runtime,), "subject": (subject.runtime,)},
        ),
        baseline=tuple(roots["baseline"][1]),
        subject=tuple(roots["subject"][1]),
        names=_names(request),
        packages=subject.answer.packages,
        bom_version=request.bom_version,
    )


def _parts(baseline: _Read, subject: _Read) -> dict[str, bytes]:
    """The evidence but its header; what no log holds is empty."""
    windows = _paired(baseline, subject)
    return {
        "windows.json": windows,
        **{n: baseline.part(n) for n in ("windows.u32", "positions.u32", "baseline.i64")},
        "subject.i64": subject.part("subject.i64"),
        **{f"{arm}.tensors.json": encode_tensors(()) for arm in ARMS},
        **{f"{arm}.activations.json": encode_activations(()) for arm in ARMS},
        "guards.i64": b"",
        "overhead.json": encode_overhead(Overhead(guarded=(), bare=())),
    }


def _names(request: ImportRequest) -> Names:
    return Names(
        baseline=str(request.baseline or "not given"),
        subject=str(request.subject),
        data=str(request.baseline_log),
        policy=request.policy,
    )


def _paired(baseline: _Read, subject: _Read) -> bytes:
    """The baseline's windows with the ids that the subject's log gives at their places."""
    ids = required(subject.answer.subject_ids, "subject_ids")
    try:
        windows = _WINDOWS.validate_json(baseline.part("windows.json"))
    except ValidationError as err:
        raise unusable("windows.json") from err
    if len(ids) != len(windows):
        raise unusable("subject_ids")
    return encode_windows(
        [w.model_copy(update={"subject_id": i}) for w, i in zip(windows, ids, strict=True)]
    )
