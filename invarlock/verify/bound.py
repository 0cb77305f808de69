"""Level `bound`: each artifact that the statement names has the digest that was signed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.artifacts.folder import FileEntry, root_digest, tree_of
from invarlock.artifacts.kinds import is_loaded
from invarlock.artifacts.oms import oms_digest
from invarlock.artifacts.regular import open_file
from invarlock.attest.predicate import REPORT_FILE, Predicate
from invarlock.attest.statement import Statement
from invarlock.canonical import digest_bytes
from invarlock.errors import EnvironmentFault, InvarlockError, SafetyRefusal, VerificationFault
from invarlock.evidence.schema import HEADER_FILE, PART_FILES, Digest
from invarlock.judge.records import MAX_REPORT_BYTES, FileRecord, ModelRecord
from invarlock.judge.sources import INCLUDE_FOLDER, SOURCE_FILE
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Finding, Level, RegisteredBefore, finding_of, refused
from invarlock.verify.run_folder import MAX_FILE, RunFolder

BAR_FILE: Final = "policy/bar.ir.json"
POLICY_FILE: Final = "policy/policy.ir.json"
MANIFEST_FILE: Final = "runtime.manifest.json"
EVIDENCE: Final = "evidence/"
REQUIRED: Final = frozenset(
    {SOURCE_FILE, BAR_FILE, POLICY_FILE, MANIFEST_FILE}
    | {EVIDENCE + name for name in (HEADER_FILE, *PART_FILES)}
)
"""Files without which nothing can be judged."""

MAX_LISTED: Final = 256
"""Files of a run, several times what one has; a longer list would only cost the reader."""

MAX_TOTAL: Final = 2 << 30
"""Bytes of all files of a run together, as the statement announces them."""

_LEVEL: Final = Level.BOUND


@dataclass(frozen=True, slots=True)
class RunContents:
    """What was found in the run's folder, whether or not it has the digest that was signed."""

    report: bytes | None
    files: dict[str, bytes]
    listed: frozenset[str]

    @property
    def complete(self) -> bool:
        """Whether all is there that a judgement needs: of what the policy includes, all that the
        statement lists."""
        included = {name for name in self.listed if name.startswith(INCLUDE_FOLDER)}
        return self.report is not None and self.files.keys() >= REQUIRED | included


def read_run(run: RunFolder, predicate: Predicate, findings: list[Finding]) -> RunContents:
    """Read the report and every file that ``predicate`` lists; note what differs or lacks."""
    report = _try(findings, lambda: run.read(REPORT_FILE, MAX_REPORT_BYTES))
    if report is not None:
        _compare(findings, REPORT_FILE, digest_bytes(report), predicate.report.digest)
    findings.extend(_list_faults(predicate.files))
    files: dict[str, bytes] = {}
    for record in predicate.files[:MAX_LISTED]:
        if record.path in files or record.path == REPORT_FILE:
            continue
        data = _try(findings, lambda: run.read(record.path, min(record.size, MAX_FILE)))  # noqa: B023 - called at once
        if data is not None:
            files[record.path] = data
            _compare(findings, record.path, digest_bytes(data), record.digest)
    return RunContents(report, files, frozenset(record.path for record in predicate.files))


def check_subject(statement: Statement) -> Iterator[Finding]:
    """The in-toto subject, which others read and match, is the predicate's subject."""
    named = f"sha256:{statement.subject[0].digest.sha256}"
    if named != statement.predicate.subject.digest:
        yield refused(
            _LEVEL,
            "E403",
            "the statement's subject is not the subject of its predicate",
            found=named,
            expected=statement.predicate.subject.digest,
        )


def check_folders(
    predicate: Predicate, request: VerifyRequest, *, baseline_pinned: bool, data_pinned: bool
) -> Iterator[Finding]:
    """The subject always, baseline and data when given or pinned by the consumer's bar."""
    yield from _record("subject", predicate.subject)
    if predicate.baseline is not None:
        yield from _record("baseline", predicate.baseline)
    if request.subject is not None:
        yield from _folder("subject", request.subject, predicate.subject)
    elif request.subject_digest is None:
        yield _lacking("the subject", "pass --subject MODEL or --subject-digest D")
    elif request.subject_digest != predicate.subject.digest:
        yield refused(
            _LEVEL,
            "E403",
            "the subject is not the model that was evaluated",
            found=request.subject_digest,
            expected=predicate.subject.digest,
        )
    if request.baseline is not None and predicate.baseline is None:
        yield _fault("E403", "the run names no baseline: it was imported without one")
    elif request.baseline is not None and predicate.baseline is not None:
        yield from _folder("baseline", request.baseline, predicate.baseline)
    elif baseline_pinned:
        yield _lacking("the baseline, which the bar pins,", "pass --baseline MODEL")
    if request.data is not None:
        yield from _data(request.data, predicate)
    elif data_pinned:
        yield _lacking("the data file, which the bar pins,", "pass --data FILE")


def _record(name: str, record: ModelRecord) -> Iterator[Finding]:
    """What the statement says of a model's files follows from their names and digests."""
    oms = oms_digest((file.path, file.digest) for file in record.files)
    for told, signed, computed in (
        ("digest` is not the root", record.digest, root_digest(_entries(record.files))),
        ("oms` is not the OMS digest", record.oms, oms),
    ):
        if computed != signed:
            what = f"`{name}.{told} of the files listed"
            yield refused(_LEVEL, "E403", what, found=signed, expected=computed)
    for file in record.files:
        if file.loaded != is_loaded(file.path):
            what = f"{name}: whether a loader reads `{file.path}`"
            found, expected = ("yes", "no") if file.loaded else ("no", "yes")
            yield refused(_LEVEL, "E404", what, found=found, expected=expected)


def check_beacon(predicate: Predicate, given: Digest | None, *, asked: bool) -> Iterator[Finding]:
    """The beacon in the seed is the one that the consumer names, and must where his bar asks.

    That it was made public after the subject was fixed is for whoever names it to know.
    """
    signed = predicate.seeds.beacon
    if given is None:
        if asked:
            yield _lacking(
                "the beacon, which the bar asks for,",
                "pass --beacon FILE|DIGEST|HEX or --registration BUNDLE",
            )
    elif signed is None or signed.value != given:
        yield refused(
            _LEVEL,
            "E403",
            "the schedule's beacon is not the one given",
            found=signed.value if signed is not None else "(none)",
            expected=given,
        )


def beacon_given(
    request: VerifyRequest, predicate: Predicate, found: RegisteredBefore | None
) -> Digest | None:
    """The beacon that the consumer names; the registration, where it is the run's beacon."""
    signed = predicate.seeds.beacon
    if request.beacon is None and found is not None and signed is not None:
        digest = found.signer.bundle_digest
        return digest if signed.value == digest else None
    return request.beacon


def _list_faults(records: Sequence[FileRecord]) -> Iterator[Finding]:
    names = [record.path for record in records]
    for name in sorted(REQUIRED - set(names)):
        yield _fault("E405", f"the statement does not list `{name}`")
    for name in sorted(name for name, count in Counter(names).items() if count > 1):
        yield _fault("E405", f"the statement lists `{name}` twice")
    if len(records) > MAX_LISTED:
        yield _fault("E405", f"the statement lists {len(records)} files, more than {MAX_LISTED}")
    if REPORT_FILE in names:
        yield _fault("E405", f"the statement lists `{REPORT_FILE}` among the report's files")
    if sum(record.size for record in records) > MAX_TOTAL:
        yield _fault("E405", f"the files listed exceed {MAX_TOTAL} bytes")


def _folder(name: str, path: Path, record: ModelRecord) -> Iterator[Finding]:
    """Every file that is missing, added or changed against the exact set that was signed."""
    digest, files = tree_of(path)
    if digest == record.digest:
        return
    there = {entry.path: entry for entry in files}
    listed = {entry.path: entry for entry in record.files}
    for file in sorted(there.keys() | listed.keys()):
        found, signed = there.get(file), listed.get(file)
        if found is None or signed is None or found.digest != signed.digest:
            yield refused(
                _LEVEL,
                "E403",
                f"{name}: `{file}`",
                found=found.digest if found else "(absent)",
                expected=signed.digest if signed else "(not part of what was evaluated)",
            )
    yield refused(
        _LEVEL,
        "E403",
        f"the {name} `{path}` is not the model that was evaluated",
        found=digest,
        expected=record.digest,
    )


def digest_of(path: Path) -> Digest:
    """The digest of the data file. Raises :class:`EnvironmentFault` E601 or E602."""
    try:
        with open_file(path) as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"no data file `{path}`", "check --data") from err
    except OSError as err:
        raise EnvironmentFault("E602", f"cannot read the data `{path}`", "check --data") from err


def _data(path: Path, predicate: Predicate) -> Iterator[Finding]:
    """The data file by its bytes; of an import, either arm's log by the documents in it."""
    signed = predicate.data.digest
    if predicate.logs is None:
        found = digest_of(path)
    else:
        from invarlock.measure.logs.documents import log_documents

        try:
            found = log_documents(path, predicate.logs.kind)
        except SafetyRefusal as err:
            yield finding_of(_LEVEL, err)
            return
    if found != signed:
        what = f"the data file `{path}` is not the one used"
        yield refused(_LEVEL, "E403", what, found=found, expected=signed)


def _entries(records: Sequence[FileRecord]) -> list[FileEntry]:
    return [FileEntry(r.path, r.size, r.digest, loaded=False) for r in records]


def _try(findings: list[Finding], read: Callable[[], bytes]) -> bytes | None:
    try:
        return read()
    except EnvironmentFault:
        raise
    except InvarlockError as err:
        findings.append(finding_of(_LEVEL, err))
        return None


def _compare(findings: list[Finding], name: str, found: str, signed: str) -> None:
    if found != signed:
        what = f"`{name}` is not the file that was signed"
        findings.append(refused(_LEVEL, "E403", what, found=found, expected=signed))


def _fault(code: str, what: str) -> Finding:
    return finding_of(_LEVEL, VerificationFault(code, what, "do not deploy; ask the producer"))


def _lacking(what: str, hint: str) -> Finding:
    return Finding(
        level=_LEVEL, kind="lacking", code="E409", what=f"{what} is not at hand", hint=hint
    )
