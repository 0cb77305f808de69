"""The report is what its inputs give: no field can be changed alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.errors import VerificationFault
from invarlock.evidence.schedule import schedule_seed
from invarlock.evidence.store import read_evidence
from invarlock.judge.report import (
    DECLARED,
    FileRecord,
    Report,
    ReportInputs,
    build_report,
    check_binding,
)
from tests.builders import (
    DATA_DIGEST,
    SANDBOXED,
    Synthetic,
    at_most,
    make_bar,
    make_subject_tensors,
    report_inputs,
    standard_bar,
)

CASE = Synthetic(subject_tensors=make_subject_tensors(1_000_000)).edited()
INPUTS = report_inputs(CASE)
REPORT = build_report(INPUTS)
PLAIN: dict[str, Any] = json.loads(REPORT.encode())

Path = tuple[str | int, ...]


def _leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path


def _other(value: Any) -> list[Any]:
    """Other values of the same kind, and of another."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 0 if value else 2]
    if isinstance(value, str):
        if value.startswith("sha256:"):
            return [digest_bytes(b"forged")]
        opposite = {"pass": "fail", "require": "warn", "sandbox": "host", "off": "on"}
        return [opposite.get(value, "0.5" if value != "0.5" else "0.25"), value + "1"]
    return ["0.5"]


def _changed(path: Path, value: Any) -> dict[str, Any]:
    plain: Any = json.loads(REPORT.encode())
    at = plain
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return plain  # type: ignore[no-any-return]  # json has no types


def _rebuilt(report: Report) -> Report:
    """As a verifier rebuilds: folders' files and the declared fields are the report's own."""
    declared = report.declared
    if (declared, report.baseline, report.subject) == (
        REPORT.declared,
        REPORT.baseline,
        REPORT.subject,
    ):
        return REPORT  # what a pure function gives for the same inputs

    def files(records: Any) -> tuple[FileRecord, ...]:
        return tuple(FileRecord(path=r.path, size=r.size, digest=r.digest) for r in records)

    return build_report(
        replace(
            INPUTS,
            declared=declared,
            baseline_files=files(report.baseline.files),
            subject_files=files(report.subject.files),
        )
    )


def test_the_builder_is_pure() -> None:
    assert build_report(INPUTS).encode() == REPORT.encode()
    assert build_report(report_inputs(CASE)).encode() == REPORT.encode()


def _holds(plain: dict[str, Any]) -> bool:
    try:
        report = Report.model_validate_json(canonical_bytes(plain), strict=True)
        return _rebuilt(report).encode() == canonical_bytes(plain)
    except (ValidationError, VerificationFault):
        return False


def _values(path: Path) -> list[Any]:
    at: Any = PLAIN
    for step in path:
        at = at[step]
    return _other(at)


def test_an_untouched_report_holds() -> None:
    assert _holds(PLAIN)


@pytest.mark.parametrize("field", sorted(PLAIN))
def test_no_field_can_be_changed_alone(field: str) -> None:
    """Every leaf below every field; declared ones may take another value of their own kind."""
    for path in _leaves(PLAIN[field], (field,)):
        outcomes = [_holds(_changed(path, value)) for value in _values(path)]
        if field not in DECLARED:
            assert not any(outcomes), path
        elif path != ("tool", "name"):
            accepted = _holds(_changed(path, "2001-02-03T04:05:06Z")) or any(outcomes)
            assert accepted, path


@pytest.mark.parametrize("field", sorted(PLAIN))
def test_no_field_can_be_left_out(field: str) -> None:
    assert not _holds({key: value for key, value in PLAIN.items() if key != field})


@pytest.mark.parametrize("field", ["gates", "guards", "files"])
def test_no_list_can_lose_or_repeat_an_item(field: str) -> None:
    items = PLAIN[field]
    assert not _holds({**PLAIN, field: items[1:]})
    assert not _holds({**PLAIN, field: [*items, items[-1]]})
    assert not _holds({**PLAIN, field: items[::-1]})


def test_no_field_can_be_added() -> None:
    assert not _holds({**PLAIN, "assurance": "strict"})


def test_report_is_small_and_canonical() -> None:
    assert len(REPORT.encode()) < 100_000
    assert REPORT.encode() == canonical_bytes(PLAIN)


def test_contents() -> None:
    header = INPUTS.evidence.header
    assert REPORT.verdict == "pass"
    assert REPORT.validation.primary_metric_acceptable
    assert REPORT.policy.bar_digest == CASE.bar.digest == REPORT.resolved_policy.digest
    assert REPORT.seeds.schedule == schedule_seed(CASE.bar.digest, DATA_DIGEST)
    assert REPORT.measurement_contract_hash == header.contract.digest
    assert REPORT.window_match_fraction == "1"
    assert REPORT.window_overlap_fraction == "0"
    assert REPORT.baseline.digest == header.baseline.root
    assert [gate.id for gate in REPORT.gates] == [gate.id for gate in CASE.bar.gates]
    guards = {guard.name: guard for guard in REPORT.guards}
    spectral = guards["spectral"]
    assert guards["invariants"].verdict == spectral.verdict == "pass"
    assert guards["rows"].measures["rows.turned"] == "0"
    assert guards["rmt"].measures["rmt.outliers on ffn"] == "0"
    assert spectral.measures["spectral.shift"] == "0.001"
    assert spectral.worst is not None
    assert (spectral.worst.baseline, spectral.worst.subject) == ("0.9", "0.901")


def test_primary_metric_needs_a_required_gate_that_passes() -> None:
    def primary(case: Synthetic) -> bool:
        return build_report(report_inputs(case)).validation.primary_metric_acceptable

    gate = at_most("perplexity.ratio", "1.1")
    assert primary(Synthetic(bar=make_bar(gate)).edited())
    assert not primary(Synthetic(bar=make_bar(gate)).edited(worse=0.5))
    assert not primary(Synthetic(bar=make_bar()).edited())
    warn = at_most("perplexity.ratio", "1.1", level="warn")
    assert not primary(Synthetic(bar=make_bar(warn)).edited())


def test_guards_without_gates_are_ungated() -> None:
    report = build_report(report_inputs(Synthetic(bar=make_bar())))
    assert {guard.verdict for guard in report.guards} == {"ungated"}
    warn = make_bar(at_most("spectral.shift", "0.1", level="warn"))
    report = build_report(report_inputs(Synthetic(bar=warn)))
    assert {guard.verdict for guard in report.guards} == {"ungated"}


def _refused(inputs: ReportInputs) -> str:
    with pytest.raises(VerificationFault) as caught:
        build_report(inputs)
    return caught.value.code


def test_bar_and_evidence_must_belong_together() -> None:
    check_binding(INPUTS.evidence, CASE.bar)
    longer = standard_bar(windows__length="17")
    other_gates = standard_bar(final=24)
    other_gates = replace(other_gates, gates=other_gates.gates[1:])
    for bar, code in ((longer, "E408"), (other_gates, "E407")):
        policy = INPUTS.policy.model_copy(update={"bar_digest": bar.digest})
        assert _refused(replace(INPUTS, bar=bar, policy=policy)) == code


def test_bar_digest_must_be_the_bars() -> None:
    policy = INPUTS.policy.model_copy(update={"bar_digest": digest_bytes(b"other")})
    assert _refused(replace(INPUTS, policy=policy)) == "E403"


def test_every_gate_needs_its_place() -> None:
    assert _refused(replace(INPUTS, spans={})) == "E405"


@pytest.mark.parametrize("arm", ["baseline_files", "subject_files"])
def test_files_must_give_the_root(arm: str) -> None:
    files = getattr(INPUTS, arm)
    assert _refused(replace(INPUTS, **{arm: files[1:]})) == "E403"
    renamed = files[0].model_copy(update={"path": "other.json"})
    assert _refused(replace(INPUTS, **{arm: (renamed, *files[1:])})) == "E403"
    assert build_report(replace(INPUTS, **{arm: files[::-1]})) == REPORT


HEADER: dict[str, Any] = json.loads(CASE.files()["evidence.json"])


@pytest.mark.parametrize("path", list(_leaves(HEADER)), ids=lambda path: ".".join(map(str, path)))
def test_no_field_of_the_header_can_be_changed_alone(path: Path) -> None:
    at: Any = HEADER
    for step in path:
        at = at[step]
    for value in _other(at):
        plain: Any = json.loads(CASE.files()["evidence.json"])
        inner = plain
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        files = {**CASE.files(), "evidence.json": canonical_bytes(plain)}
        try:
            evidence = read_evidence(files, SANDBOXED)
            rebuilt = build_report(replace(INPUTS, evidence=evidence))
        except VerificationFault:
            continue
        assert rebuilt != REPORT
