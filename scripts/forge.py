"""Two forgers' work on a run that failed: pure functions over the run's files.

Both hold the trusted key and want a pass. The hasty one edits the evidence's numbers in passing,
writes a verdict and values he likes into the report, and puts every digest right again, so that
all files are exactly those that get signed. What he does not do is make it add up: the values in
the report do not follow from the evidence. Somebody who recomputes sees it; somebody who checks
signature and digests does not.

The consistent one makes it add up. What the subject's arm found of windows, layers and weights he
replaces by what a subject equal to the baseline would have shown, and then has the project's own
functions build digests, Merkle root, values, verdict and report. All of it follows from his
evidence; that his evidence follows from no model is what somebody sees who evaluates windows again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import numpy as np

from invarlock.bom.document import MLBOM_FILE, SBOM_FILE, version_of
from invarlock.bom.models import mlbom_of
from invarlock.canonical import NANO, canonical_bytes, decimal_text, digest_bytes
from invarlock.evidence.schema import Drift, RuntimeFacts
from invarlock.evidence.store import read_evidence
from invarlock.judge.records import FileRecord, Report
from invarlock.judge.report import ReportInputs, build_report, policy_record
from invarlock.judge.sources import compile_again, gate_places
from invarlock.security.manifest import RuntimeManifest, runtime_facts

REPORT: Final = "evaluation.report.json"
HEADER: Final = "evidence/evidence.json"
SUBJECT: Final = "evidence/subject.i64"
BASELINE: Final = "evidence/baseline.i64"
GUARDS: Final = "evidence/guards.i64"
LAYERS: Final = "evidence/subject.activations.json"
TENSORS: Final = "evidence/subject.tensors.json"
COLUMNS: Final = 4
"""Rows of `subject.i64`: log-loss, KL, change of probability, agreement."""


def forge(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Make a failed run look passed.

    Args:
        files: the run's files by path; the attestation is not among them.

    Returns:
        The files with his edits, and one line for each kind of edit.
    """
    out = dict(files)
    edits: list[str] = []
    out[SUBJECT], touched = better_losses(files[SUBJECT], files[BASELINE])
    edits.append(f"evidence: {touched} rows of the subject replaced by the baseline's")
    header = json.loads(files[HEADER])
    header["parts"][SUBJECT.removeprefix("evidence/")] = digest_bytes(out[SUBJECT])
    out[HEADER] = canonical_bytes(header)
    report = json.loads(files[REPORT])
    edits += flattered(report)
    edits += redigested(report, out)
    out[REPORT] = canonical_bytes(report)
    return out, edits


def forge_consistently(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Make a failed run of a causal language model pass, throughout.

    Args:
        files: the run's files by path; the attestation is not among them.

    Returns:
        The files as an evaluation would have left them, and one line for each thing made up.
    """
    out = dict(files)
    loss = np.frombuffer(files[BASELINE], dtype="<i8")
    flat = np.zeros_like(loss)
    out[SUBJECT] = np.concatenate([loss, flat, flat, flat + 1]).tobytes()
    out[GUARDS] = np.tile(loss[: len(files[GUARDS]) // 16], 2).tobytes()
    out[LAYERS] = files[LAYERS.replace("subject", "baseline")]
    out[TENSORS] = unmoved(files[TENSORS.replace("subject", "baseline")])
    edits = [
        f"evidence: all {loss.size} rows of the subject made those of the baseline",
        "evidence: what the subject's layers put out made what the baseline's did, and its weights",
        "digests, Merkle root, values, verdict and report built again by the project's own code",
    ]
    return rebuilt(out), edits


def unmoved(tensors: bytes) -> bytes:
    """The records of a subject's tensors whose numbers are all the baseline's.

    Args:
        tensors: the records of the baseline's.

    Returns:
        The records as the guards write them for a subject that nobody edited.
    """
    records = json.loads(tensors)
    for record in records:
        if record["spectrum"] == "vector":
            record["change"] = 0
        elif record["spectrum"] != "non_finite":
            record["drift"] = dict.fromkeys(Drift.model_fields, 0) | {"cosine": NANO}
    return canonical_bytes(records)


def rebuilt(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A run whose evidence was changed, with everything that follows from it made again.

    Args:
        files: the run's files by path.

    Returns:
        The files with header and report as the project's own functions build them.
    """
    out = dict(files)
    header = json.loads(files[HEADER])
    for part in header["parts"]:
        header["parts"][part] = digest_bytes(files[f"evidence/{part}"])
    out[HEADER] = canonical_bytes(header)
    again = _judged(out, Report.model_validate_json(files[REPORT]))
    if MLBOM_FILE in out:
        version = version_of(json.loads(out[MLBOM_FILE]), MLBOM_FILE)
        out[MLBOM_FILE] = canonical_bytes(mlbom_of(again, version, digest_bytes(out[SBOM_FILE])))
        listed = tuple(_record(record.path, out) for record in again.files)
        again = again.model_copy(update={"files": listed})
    out[REPORT] = again.encode()
    return out


def _judged(files: Mapping[str, bytes], report: Report) -> Report:
    """The report that the judge gives of ``files``, with what ``report`` declares."""
    manifest = RuntimeManifest.model_validate_json(files["runtime.manifest.json"])
    parts = {
        name.removeprefix("evidence/"): data
        for name, data in files.items()
        if name.startswith("evidence/")
    }
    compiled = compile_again(files)
    tier, _, profile = report.policy.bar.partition("+")
    name, bar = compiled.bar(tier, profile or None)
    facts = RuntimeFacts.model_validate(runtime_facts(manifest))
    return build_report(
        ReportInputs(
            evidence=read_evidence(parts, facts),
            policy=policy_record(compiled, name, bar),
            bar=bar,
            spans=gate_places(compiled, name),
            baseline_files=report.baseline.files if report.baseline is not None else (),
            subject_files=report.subject.files,
            run_files=tuple(_record(record.path, files) for record in report.files),
            declared=report.declared,
        )
    )


def _record(path: str, files: Mapping[str, bytes]) -> FileRecord:
    data = files[path]
    return FileRecord(path=path, size=len(data), digest=digest_bytes(data))


def better_losses(subject: bytes, baseline: bytes) -> tuple[bytes, int]:
    """The first twentieth of the subject's rows, where worse, made those of an unedited model.

    All columns of a row are made to fit each other: the reader refuses rows that do not.

    Returns:
        The new bytes of the column file, and how many numbers were changed.
    """
    columns = np.frombuffer(subject, dtype="<i8").reshape(COLUMNS, -1).copy()
    wanted = np.frombuffer(baseline, dtype="<i8")
    wanted = wanted[: wanted.size // 20]
    loss = columns[0, : wanted.size]  # a view: what is written here is written in `columns`
    worse = loss > wanted
    loss[worse] = wanted[worse]
    kl, delta_p, top1 = columns[1:, : wanted.size]
    kl[worse], delta_p[worse], top1[worse] = 0, 0, 1
    return columns.tobytes(), int(worse.sum())


def flattered(report: dict[str, Any]) -> list[str]:
    """Write a pass into the report, in place; returns what was done."""
    done = [f"report: verdict {report['verdict']} → pass"]
    report["verdict"] = "pass"
    report["validation"]["primary_metric_acceptable"] = True
    relations = {gate_id(gate): gate["relation"] for gate in report["resolved_policy"]["gates"]}
    for gate in report["gates"]:
        if gate["verdict"] != "pass":
            before = gate["observed"]
            passed(gate, relations[gate["id"]])
            done.append(f"report: {gate['id']} {before} → {gate['observed']}, passed")
    for guard in report["guards"]:
        if guard["verdict"] not in {"pass", "ungated"}:
            guard["verdict"] = "pass"
            done.append(f"report: guard {guard['name']} → pass")
    return done


def gate_id(gate: Mapping[str, Any]) -> str:
    """The key of a gate of the bar, as reports spell it."""
    from pydantic import TypeAdapter

    from invarlock.policy.ir import Gate

    return TypeAdapter(Gate).validate_json(json.dumps(gate)).id


def passed(gate: dict[str, Any], relation: Mapping[str, Any]) -> None:
    """Give one gate of a report a value inside its bound, in place.

    A one-sided bound is cleared by a tenth, a two-sided one hit in the middle; words become the
    first that is allowed.
    """
    gate["verdict"] = "pass"
    if relation["kind"] == "member":
        gate["observed"] = relation["values"][0]
        gate["reason"] = f"`{gate['observed']}` is allowed"
        return
    low, high = (None if end is None else Decimal(end) for end in _ends(relation))
    if low is not None and high is not None:
        value, margin = (low + high) / 2, (high - low) / 2
    elif high is not None:
        value, margin = high - abs(high) / 10, abs(high) / 10
    else:
        bound = low if low is not None else Decimal(0)
        value, margin = bound + abs(bound) / 10, abs(bound) / 10
    gate["observed"] = decimal_text(value)
    if gate["interval"] is not None:
        half = margin / 2
        gate["interval"] = [decimal_text(value - half), decimal_text(value + half)]
        margin -= half
        gate["reason"] = "interval [{}, {}] satisfies `{}`".format(*gate["interval"], gate["bound"])
    else:
        gate["reason"] = f"{gate['observed']} satisfies `{gate['bound']}`"
    gate["margin"] = decimal_text(margin)


def _ends(relation: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return relation["low"], relation["high"]


def redigested(report: dict[str, Any], files: Mapping[str, bytes]) -> list[str]:
    """Put the report's digests of the run's files right, in place; returns what was done."""
    done = []
    for record in report["files"]:
        data = files[record["path"]]
        if record["digest"] != digest_bytes(data):
            record |= {"digest": digest_bytes(data), "size": len(data)}
            done.append(f"report: digest of {record['path']} made to fit")
    report["evidence_digest"] = digest_bytes(files[HEADER])
    return done
