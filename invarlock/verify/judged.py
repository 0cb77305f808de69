"""Level `judged`: everything recomputed from the evidence, and compared with what was signed.

Nothing that the producer concluded is an input here. The policy is compiled again from its
source, the runtime's words follow again from the manifest's observations, values and verdict
again from the evidence, and then the whole report and the whole statement are built again and
compared field by field. Only what :data:`invarlock.judge.records.DECLARED` names is taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from invarlock.attest.parse import parse_model
from invarlock.attest.predicate import REPORT_FILE, Predicate
from invarlock.attest.statement import Statement, statement_of
from invarlock.canonical import Json, StrictJsonError, digest_bytes, strict_json
from invarlock.errors import InvarlockError, VerificationFault
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge import Values, demanded, estimate
from invarlock.judge.records import MAX_REPORT_BYTES, FileRecord, Report
from invarlock.judge.report import ReportInputs, build_report, policy_record
from invarlock.judge.sources import INCLUDE_FOLDER, SOURCE_FILE, compile_again, gate_places
from invarlock.policy.ir import BarIR
from invarlock.security.manifest import RuntimeManifest, runtime_facts
from invarlock.verify.boms import check_boms
from invarlock.verify.bound import (
    BAR_FILE,
    EVIDENCE,
    MANIFEST_FILE,
    POLICY_FILE,
    RunContents,
)
from invarlock.verify.differences import differences
from invarlock.verify.given import check_given
from invarlock.verify.result import Finding, Level, refusal_of, refused

if TYPE_CHECKING:
    from invarlock.policy import Compiled

MAX_MANIFEST: Final = 4 << 20
_LEVEL: Final = Level.JUDGED
_HINT: Final = "do not deploy; ask the producer"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProducerBar:
    """The bar that the run was made for, compiled again from the run's policy source."""

    compiled: Compiled
    name: str
    ir: BarIR


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the run's files give by themselves; ``values`` under the evidence's own contract."""

    bar: ProducerBar
    evidence: Evidence | None
    values: Values | None = None


def recompute(
    contents: RunContents,
    statement: Statement,
    findings: list[Finding],
    known: Compiled | None = None,
) -> Recomputed | None:
    """Build policy, evidence, report and statement again; note every field that differs.

    ``contents`` holds the report and all of ``bound.REQUIRED``; ``known`` is a policy that the
    consumer compiled, which may have the same sources. ``None`` when the producer's bar cannot be
    had. Never raises for what the run holds.
    """
    files = contents.files
    bar = _attempt(findings, lambda: _bar(files, statement.predicate, known))
    if bar is None:
        return None
    findings.extend(_strangers(contents, bar))
    findings.extend(_documents(files, BAR_FILE, bar.ir.document()))
    findings.extend(_documents(files, POLICY_FILE, bar.compiled.ir.document()))
    manifest = _attempt(findings, lambda: _manifest(files))
    if manifest is None:
        return Recomputed(bar, None)
    for path, found, expected in check_given(manifest, statement.predicate):
        what = f"{MANIFEST_FILE}: `{path}`"
        findings.append(refused(_LEVEL, "E404", what, found=found, expected=expected))
    evidence = _attempt(findings, lambda: _evidence(files, manifest))
    if evidence is None:
        return Recomputed(bar, None)
    unbound = _attempt(findings, lambda: tuple(_binding(evidence, bar.ir)))
    findings.extend(unbound or ())
    if unbound != ():
        return Recomputed(bar, evidence)
    values = _attempt(findings, lambda: estimate(evidence, evidence.header.contract))
    if values is not None:
        again = _attempt(
            findings,
            lambda: _rebuild(contents, statement, evidence, values, bar=bar, manifest=manifest),
        )
        findings.extend(again or ())
    return Recomputed(bar, evidence, values)


def _bar(files: dict[str, bytes], predicate: Predicate, known: Compiled | None) -> ProducerBar:
    signed = predicate.policy.bar
    tier, _, profile = signed.partition("+")
    try:
        compiled = known if known is not None and _same(known, files) else compile_again(files)
        name, ir = compiled.bar(tier, profile or None)
    except InvarlockError as err:
        what = f"`{SOURCE_FILE}` gives no bar `{signed[:80]}`: {err.message}"
        raise VerificationFault("E404", what, _HINT) from err
    return ProducerBar(compiled, name, ir)


def _same(known: Compiled, files: dict[str, bytes]) -> bool:
    """Whether ``known`` was compiled from these very bytes: compiling is pure, and what a policy
    includes is named by its sources."""
    return known.source == files[SOURCE_FILE] and all(
        files.get(INCLUDE_FOLDER + path) == source for path, source in known.includes.items()
    )


def _strangers(contents: RunContents, bar: ProducerBar) -> Iterator[Finding]:
    """Files that are listed as included, and that the policy does not include."""
    known = {INCLUDE_FOLDER + path for path in bar.compiled.includes}
    for name in sorted(contents.listed - known):
        if name.startswith(INCLUDE_FOLDER):
            what = f"the policy does not include `{name[:200]}`"
            yield refusal_of(_LEVEL, VerificationFault("E405", what, _HINT))


def _manifest(files: dict[str, bytes]) -> RuntimeManifest:
    return parse_model(
        RuntimeManifest,
        files[MANIFEST_FILE],
        what=f"`{MANIFEST_FILE}`",
        max_bytes=MAX_MANIFEST,
    )


def _evidence(files: dict[str, bytes], manifest: RuntimeManifest) -> Evidence:
    facts = RuntimeFacts.model_validate(runtime_facts(manifest))
    parts = {
        name.removeprefix(EVIDENCE): data
        for name, data in files.items()
        if name.startswith(EVIDENCE)
    }
    return read_evidence(parts, facts)


def _binding(evidence: Evidence, bar: BarIR) -> Iterator[Finding]:
    """Contract and schedule follow from the producer's bar and the data, field by field."""
    header = evidence.header
    for code, name, found, wanted in zip(
        ("E404", "E407"),
        ("contract", "schedule"),
        (header.contract, header.schedule),
        demanded(bar, header.data.digest, header.schedule.beacon, header.schedule.look),
        strict=True,
    ):
        signed, recomputed = found.model_dump(mode="json"), wanted.model_dump(mode="json")
        yield from _differ(code, f"evidence: {name}", signed, recomputed)


def _rebuild(
    contents: RunContents,
    statement: Statement,
    evidence: Evidence,
    values: Values,
    *,
    bar: ProducerBar,
    manifest: RuntimeManifest,
) -> tuple[Finding, ...]:
    """The report, the statement and the bills of materials, built again and compared whole."""
    data = contents.report or b""
    report = parse_model(Report, data, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES)
    again = build_report(
        ReportInputs(
            evidence=evidence,
            policy=policy_record(bar.compiled, bar.name, bar.ir),
            bar=bar.ir,
            spans=gate_places(bar.compiled, bar.name),
            baseline_files=report.baseline.files if report.baseline is not None else (),
            subject_files=report.subject.files,
            run_files=_records(contents, statement.predicate),
            declared=report.declared,
            values=values,
        )
    )
    found = [*_differ("E404", "report", strict_json(data), again.model_dump(mode="json"))]
    if not found and again.encode() != data:
        fault = VerificationFault("E405", f"`{REPORT_FILE}` is not in canonical form", _HINT)
        found.append(refusal_of(_LEVEL, fault))
    signed = statement.model_dump(mode="json", by_alias=True)
    rebuilt = statement_of(again, statement.predicate.report.digest)
    recomputed = rebuilt.model_dump(mode="json", by_alias=True)
    found += _differ("E404", "statement", signed, recomputed)
    return (*found, *check_boms(contents.files, again, manifest))


def _records(contents: RunContents, predicate: Predicate) -> tuple[FileRecord, ...]:
    """The run's files as they are; one that is not at hand stands as it was signed."""
    return tuple(
        FileRecord(path=name, size=len(data), digest=digest_bytes(data))
        for name, data in contents.files.items()
    ) + tuple(record for record in predicate.files if record.path not in contents.files)


def _documents(files: dict[str, bytes], name: str, recomputed: Json) -> tuple[Finding, ...]:
    try:
        signed = strict_json(files[name])
    except StrictJsonError as err:
        fault = VerificationFault("E405", f"`{name}` is not strict JSON: {err}", _HINT)
        return (refusal_of(_LEVEL, fault),)
    return tuple(_differ("E404", name, signed, recomputed))


def _differ(code: str, what: str, signed: Json, recomputed: Json) -> Iterator[Finding]:
    for path, found, expected in differences(signed, recomputed):
        yield refused(_LEVEL, code, f"{what}: `{path}`", found=found, expected=expected)


def _attempt(findings: list[Finding], step: Callable[[], T]) -> T | None:
    """Run one step over hostile material: whatever it refuses is a finding, not an error."""
    try:
        return step()
    except InvarlockError as err:
        findings.append(refusal_of(_LEVEL, err))
        return None
