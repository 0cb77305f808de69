"""Disclose single windows of a run: read the run as a verifier would, and write the folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from invarlock.attest.parse import parse_model
from invarlock.attest.predicate import REPORT_FILE
from invarlock.canonical import digest_bytes
from invarlock.errors import VerificationFault
from invarlock.evaluate.run_folder import new_run_folder, write_file
from invarlock.evidence.disclosure import disclose
from invarlock.evidence.leaves import windows_root
from invarlock.evidence.schema import HEADER_FILE, PART_FILES, RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge.records import MAX_REPORT_BYTES, Report
from invarlock.security.manifest import RuntimeManifest, runtime_facts
from invarlock.verify.bound import EVIDENCE, MANIFEST_FILE
from invarlock.verify.judged import MAX_MANIFEST
from invarlock.verify.run_folder import RunFolder, open_run


def disclose_windows(run: Path, positions: Sequence[int], out: Path) -> tuple[int, ...]:
    """Write the windows at ``positions``, each once, of the run in ``run`` to the new folder
    ``out``; give back how many that are, and how many the run has.

    Raises :class:`UsageFault` E701 for a window that there is not, E702 where ``out`` exists;
    :class:`EnvironmentFault` for an absent run; :class:`VerificationFault` where the run's files
    are not those of its report, or contradict themselves.
    """
    with open_run(run) as opened:
        report = _report(opened)
        files = {
            name: _listed(opened, report, EVIDENCE + name) for name in (HEADER_FILE, *PART_FILES)
        }
        manifest = parse_model(
            RuntimeManifest,
            _listed(opened, report, MANIFEST_FILE),
            what=f"`{MANIFEST_FILE}`",
            max_bytes=MAX_MANIFEST,
        )
    evidence = read_evidence(files, RuntimeFacts.model_validate(runtime_facts(manifest)))
    if windows_root(evidence) != report.merkle_root:
        what = "the run's windows do not give the root in its report"
        raise VerificationFault("E404", what, "evaluate again")
    found = disclose(evidence, files[HEADER_FILE], positions)
    with new_run_folder(out) as partial:
        for name, data in found.items():
            write_file(partial / name, data)
    return len(set(positions)), len(evidence.windows)


def _report(run: RunFolder) -> Report:
    data = run.read(REPORT_FILE, MAX_REPORT_BYTES)
    return parse_model(Report, data, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES)


def _listed(run: RunFolder, report: Report, name: str) -> bytes:
    data = run.read(name)
    signed = next((file.digest for file in report.files if file.path == name), None)
    if digest_bytes(data) != signed:
        what = f"`{name}` is not the file that the report lists"
        raise VerificationFault("E403", what, "evaluate again")
    return data
