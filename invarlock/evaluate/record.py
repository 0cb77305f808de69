"""Writing a run: every file but the report, the judgement of what was written, the report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from invarlock import __version__
from invarlock.artifacts.folder import FileEntry
from invarlock.bom.document import Version
from invarlock.bom.written import boms
from invarlock.canonical import canonical_bytes, decimal_text, digest_bytes, quantise
from invarlock.evaluate.request import ChosenBar
from invarlock.evaluate.run_folder import write_file
from invarlock.evidence.schema import RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge.report import (
    Declared,
    FileRecord,
    Names,
    Report,
    ReportInputs,
    Tool,
    build_report,
    policy_record,
)
from invarlock.judge.sources import gate_places, policy_files
from invarlock.present.html import render_html
from invarlock.security.manifest import RuntimeManifest, runtime_facts

REPORT_FILE: Final = "evaluation.report.json"
MANIFEST_FILE: Final = "runtime.manifest.json"


class Watch:
    """Seconds by step, for the report's declared timings."""

    def __init__(self) -> None:
        self._laps: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        begun = time.monotonic()
        yield
        self._laps[name] = self._laps.get(name, 0.0) + time.monotonic() - begun

    def seconds(self) -> dict[str, str]:
        """Each step's seconds, to the millisecond."""
        return {
            name: decimal_text(quantise(Decimal(round(spent * 1000)) / 1000))
            for name, spent in self._laps.items()
        }


@dataclass(frozen=True, slots=True)
class Record:
    """What a run is written from.

    Attributes:
        chosen: the bar it was made for.
        parts: the files of ``evidence/`` by name.
        manifest: what was observed of its boundaries.
        baseline, subject: every file of the model folders.
        names: what the user called things.
        packages: versions that can change a number.
        bom_version: of CycloneDX, for the bills of materials.
        kernels, threads: what chose the kernels, and the threads of one boundary, where it was
            measured here.
    """

    chosen: ChosenBar
    parts: Mapping[str, bytes]
    manifest: RuntimeManifest
    baseline: tuple[FileEntry, ...]
    subject: tuple[FileEntry, ...]
    names: Names
    packages: Mapping[str, str]
    bom_version: Version = "1.6"
    kernels: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None


def write_run(folder: Path, record: Record, watch: Watch) -> Report:
    """Write every file of the run but the report, judge what was written, write the report.

    The bills of materials say what was judged, and the report lists them: it is judged first.
    """
    chosen, compiled = record.chosen, record.chosen.compiled
    files = {
        **{f"evidence/{name}": data for name, data in record.parts.items()},
        **policy_files(compiled),
        "policy/policy.ir.json": canonical_bytes(compiled.ir.document()),
        "policy/bar.ir.json": canonical_bytes(chosen.bar.document()),
        MANIFEST_FILE: canonical_bytes(record.manifest.model_dump(mode="json")),
    }
    with watch("judge"):
        facts = RuntimeFacts.model_validate(runtime_facts(record.manifest))
        report = build_report(
            ReportInputs(
                evidence=read_evidence(record.parts, facts),
                policy=policy_record(compiled, chosen.name, chosen.bar),
                bar=chosen.bar,
                spans=gate_places(compiled, chosen.name),
                baseline_files=_records(record.baseline),
                subject_files=_records(record.subject),
                run_files=_run_files(files),
                declared=_declared(record, watch),
            )
        )
    made = boms(report, record.manifest, record.bom_version)
    listed = (*report.files, *_run_files(made))
    report = report.model_copy(update={"files": tuple(sorted(listed, key=lambda f: f.path))})
    for path, data in {**files, **made}.items():
        write_file(folder / path, data)
    write_file(folder / REPORT_FILE, report.encode())
    write_file(folder / "report.html", render_html(report).encode())
    return report


def _run_files(files: Mapping[str, bytes]) -> tuple[FileRecord, ...]:
    return tuple(
        FileRecord(path=path, size=len(data), digest=digest_bytes(data))
        for path, data in sorted(files.items())
    )


def _records(files: tuple[FileEntry, ...]) -> tuple[FileRecord, ...]:
    return tuple(FileRecord(path=f.path, size=f.size, digest=f.digest) for f in files)


def _declared(record: Record, watch: Watch) -> Declared:
    return Declared(
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        tool=Tool(version=__version__),
        names=record.names,
        packages=dict(record.packages),
        kernels=dict(record.kernels),
        threads=record.threads,
        timings=watch.seconds(),
    )
