"""The forgers' work: digests fit, and of the consistent one all else too."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from forge import HEADER, REPORT, SUBJECT, better_losses, forge, forge_consistently

from invarlock.canonical import digest_bytes
from invarlock.evidence.store import read_evidence
from invarlock.judge.records import Report
from invarlock.judge.report import build_report
from tests.builders import SANDBOXED, Synthetic, report_inputs
from tests.verify.runs import case, documents, make_scene, report_of, signed


@pytest.fixture(scope="module")
def failed() -> dict[str, bytes]:
    case = Synthetic().edited(worse=0.15)
    report = build_report(report_inputs(case))
    assert report.verdict == "fail"
    files = {f"evidence/{name}": data for name, data in case.files().items()}
    return {**files, REPORT: report.encode()}


def test_the_forged_report_claims_a_pass(failed: dict[str, bytes]) -> None:
    forged, edits = forge(failed)
    report = Report.model_validate_json(forged[REPORT])
    assert report.verdict == "pass"
    assert report.validation.primary_metric_acceptable
    assert {gate.verdict for gate in report.gates if gate.level == "require"} == {"pass"}
    assert all(gate.margin is None or Decimal(gate.margin) >= 0 for gate in report.gates)
    assert any("perplexity.ratio" in edit for edit in edits)


def test_every_digest_in_it_fits(failed: dict[str, bytes]) -> None:
    forged, _ = forge(failed)
    report = Report.model_validate_json(forged[REPORT])
    for record in report.files:
        assert record.digest == digest_bytes(forged[record.path])
    assert report.evidence_digest == digest_bytes(forged[HEADER])
    parts = {
        name.removeprefix("evidence/"): data
        for name, data in forged.items()
        if name.startswith("evidence/")
    }
    assert read_evidence(parts, SANDBOXED) is not None  # the strict reader finds nothing wrong


def test_its_values_do_not_follow_from_its_evidence(failed: dict[str, bytes]) -> None:
    forged, _ = forge(failed)
    parts = {
        name.removeprefix("evidence/"): data
        for name, data in forged.items()
        if name.startswith("evidence/")
    }
    again = build_report(report_inputs(Synthetic().edited(worse=0.15), parts))
    claimed = Report.model_validate_json(forged[REPORT])
    ratio = {gate.id: gate.observed for gate in again.gates}["perplexity.ratio"]
    assert ratio != {gate.id: gate.observed for gate in claimed.gates}["perplexity.ratio"]
    honest = build_report(report_inputs(Synthetic().edited(worse=0.15)))
    assert honest.encode() == failed[REPORT]


def test_only_what_is_named_is_touched(failed: dict[str, bytes]) -> None:
    forged, _ = forge(failed)
    changed = {name for name in failed if failed[name] != forged[name]}
    assert changed == {REPORT, HEADER, SUBJECT}
    before, after = json.loads(failed[REPORT]), json.loads(forged[REPORT])
    touched = {"verdict", "validation", "gates", "guards", "files", "evidence_digest"}
    assert {key for key in before if before[key] != after[key]} <= touched


def test_losses_only_get_better_and_only_in_the_first_twentieth() -> None:
    rng = np.random.default_rng(1)
    columns = rng.integers(0, 1000, (4, 200), dtype=np.int64)
    baseline = rng.integers(0, 1000, 200, dtype=np.int64)
    data, count = better_losses(columns.tobytes(), baseline.tobytes())
    after = np.frombuffer(data, dtype="<i8").reshape(4, 200)
    np.testing.assert_array_equal(after[0, :10], np.minimum(columns[0, :10], baseline[:10]))
    np.testing.assert_array_equal(after[0, 10:], columns[0, 10:])
    np.testing.assert_array_equal(after[1:, 10:], columns[1:, 10:])
    touched = after[0] != columns[0]
    assert {tuple(row) for row in after[1:, touched].T.tolist()} == {(0, 0, 1)}
    assert count == int((after[0] != columns[0]).sum()) > 0


def test_what_is_forged_throughout_is_judged_a_pass(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    honest = documents(case(worse=0.4))
    report = report_of(honest).encode()
    scene.publish(honest, report, signed(report))
    assert scene.verify().exit_code == 1
    forged, edits = forge_consistently({**honest, REPORT: report})
    assert len(edits) == 3
    claim = forged.pop(REPORT)
    scene.publish(forged, claim, signed(claim))
    result = scene.verify()
    assert (result.exit_code, result.findings) == (0, ())
