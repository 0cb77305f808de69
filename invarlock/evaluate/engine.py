"""One evaluation from request to run folder: compile, open, measure both arms, judge, write."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from invarlock import __version__
from invarlock.artifacts.folder import FileEntry
from invarlock.canonical import canonical_bytes, decimal_text, digest_bytes, quantise
from invarlock.errors import EnvironmentFault
from invarlock.evaluate.assemble import assemble
from invarlock.evaluate.cache import BaselineCache
from invarlock.evaluate.executors import executor_of
from invarlock.evaluate.inputs import Inputs, Measured, open_inputs
from invarlock.evaluate.request import ChosenBar, Request, choose_bar
from invarlock.evaluate.run_folder import check_free, new_run_folder, write_file
from invarlock.evaluate.session import Session, whole_of
from invarlock.evidence.schema import RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge import check_beacon, contract_of, demanded, schedule_of
from invarlock.judge.report import (
    Declared,
    FileRecord,
    Names,
    PolicyRecord,
    Report,
    ReportInputs,
    Tool,
    build_report,
)
from invarlock.judge.sources import gate_places, policy_files
from invarlock.present.html import render_html
from invarlock.security.manifest import Requested, RuntimeManifest, runtime_facts
from invarlock.security.select import choose_mode

Say = Callable[[str], None]

REPORT_FILE: Final = "evaluation.report.json"
MANIFEST_FILE: Final = "runtime.manifest.json"


def run(request: Request, say: Say) -> Report:
    """Evaluate and write the run folder; ``say`` is told what is being done.

    Raises the errors of DESIGN section 9; the run folder then does not exist.
    """
    check_free(request.out)
    _check_present(request)
    chosen = choose_bar(request)
    # All three raise before a byte of a model is read, should the bar leave the schedule open.
    contract_of(chosen.bar)
    schedule_of(chosen.bar, chosen.bar.digest)
    check_beacon(chosen.bar, request.beacon)
    mode = choose_mode(request.requested_mode)
    watch = _Watch()
    with ExitStack() as stack:
        executor = stack.enter_context(executor_of(request))
        say("hashing models and data")
        with watch("hash"):
            inputs = open_inputs(
                *(request, mode, contract_of(chosen.bar)),
                lambda data: demanded(chosen.bar, data, request.beacon)[1],
                stack,
            )
        folder = stack.enter_context(new_run_folder(request.out))
        scratch = folder / ".boundary"
        scratch.mkdir(mode=0o700)
        cache = BaselineCache(request.cache_folder) if request.use_cache else None
        session = Session(inputs, executor, cache, scratch, say, watch)
        session.check()
        session.measure(whole_of(inputs.schedule))
        say("judging")
        report = _write(folder, chosen, inputs, session.arms(), watch)
        shutil.rmtree(scratch)
    return report


def _check_present(request: Request) -> None:
    """Name an absent path before anything is hashed."""
    for what, path in (
        ("baseline", request.baseline),
        ("subject", request.subject),
        ("data", request.data),
    ):
        if not path.exists():
            raise EnvironmentFault("E601", f"{what} `{path}` does not exist", "check the path")


def _write(
    folder: Path,
    chosen: ChosenBar,
    inputs: Inputs,
    arms: tuple[Measured, Measured],
    watch: _Watch,
) -> Report:
    """Write every file of the run but the report, judge what was written, write the report."""
    manifest = RuntimeManifest(
        requested=Requested(execution_mode=inputs.request.requested_mode),
        arms={"baseline": arms[0].runtimes, "subject": arms[1].runtimes},
    )
    parts = assemble(inputs, *arms)
    compiled = chosen.compiled
    files = {
        **{f"evidence/{name}": data for name, data in parts.items()},
        **policy_files(compiled),
        "policy/policy.ir.json": canonical_bytes(compiled.ir.document()),
        "policy/bar.ir.json": canonical_bytes(chosen.bar.document()),
        MANIFEST_FILE: canonical_bytes(manifest.model_dump(mode="json")),
    }
    with watch("judge"):
        facts = RuntimeFacts.model_validate(runtime_facts(manifest))
        evidence = read_evidence(parts, facts)
        report = build_report(
            ReportInputs(
                evidence=evidence,
                policy=_policy_record(chosen),
                bar=chosen.bar,
                spans=gate_places(compiled, chosen.name),
                baseline_files=_records(inputs.baseline.files),
                subject_files=_records(inputs.subject.files),
                run_files=tuple(
                    FileRecord(path=path, size=len(data), digest=digest_bytes(data))
                    for path, data in sorted(files.items())
                ),
                declared=_declared(inputs.request, arms, watch),
            )
        )
    for path, data in files.items():
        write_file(folder / path, data)
    write_file(folder / REPORT_FILE, report.encode())
    write_file(folder / "report.html", render_html(report).encode())
    return report


def _policy_record(chosen: ChosenBar) -> PolicyRecord:
    compiled = chosen.compiled
    return PolicyRecord(
        name=compiled.name,
        version=compiled.version,
        bar=chosen.name,
        bar_digest=chosen.bar.digest,
        policy_digest=compiled.ir.digest,
        source_digest=compiled.source_digest,
    )


def _records(files: tuple[FileEntry, ...]) -> tuple[FileRecord, ...]:
    return tuple(FileRecord(path=f.path, size=f.size, digest=f.digest) for f in files)


def _declared(request: Request, arms: tuple[Measured, Measured], watch: _Watch) -> Declared:
    return Declared(
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        tool=Tool(version=__version__),
        names=Names(
            baseline=str(request.baseline),
            subject=str(request.subject),
            data=str(request.data),
            policy=request.policy,
        ),
        packages=arms[1].answer.packages,
        timings=watch.seconds(),
    )


class _Watch:
    """Seconds by step, for the report's declared timings."""

    def __init__(self) -> None:
        self._laps: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self._laps[name] = self._laps.get(name, 0.0) + time.monotonic() - begun

    def seconds(self) -> dict[str, str]:
        """Each step's seconds, to the millisecond."""
        return {
            name: decimal_text(quantise(Decimal(round(spent * 1000)) / 1000))
            for name, spent in self._laps.items()
        }
