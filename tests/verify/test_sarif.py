"""A verification as SARIF: without an error it is a pass, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from invarlock.cli import main
from tests.policy.compare.sarif_schema import results_of
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed


def publish(root: Path, worse: float) -> Scene:
    scene = make_scene(root)
    files = documents(case(worse=worse))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


def told(scene: Scene, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any]:
    ask = scene.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0]), "--subject", str(ask.subject)]
    code = main([*words, "--format", "sarif", *more])
    return code, results_of(json.loads(capsys.readouterr().out))


def rules(results: Any, level: str) -> set[str]:
    return {result["ruleId"] for result in results if result["level"] == level}


def test_a_pass_has_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = publish(tmp_path, 0.01)
    code, results = told(scene, capsys, "--policy", str(scene.request.policy))
    assert (code, results) == (0, [])


def test_gates_that_were_missed_are_errors_at_the_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = publish(tmp_path, 0.4)
    code, results = told(scene, capsys, "--policy", str(scene.request.policy))
    assert code == 1
    assert rules(results, "error") == {"gate-fail", "outcome-fail"}
    missed = next(one for one in results if "require perplexity.ratio <= 1.1" in str(one))
    place = missed["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place.endswith("/bar.invar")


def test_a_refusal_names_its_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = publish(tmp_path, 0.01)
    report = tmp_path / "run" / "evaluation.report.json"
    report.write_bytes(report.read_bytes().replace(b'"edit"', b'"\\u001b[2J"'))
    code, results = told(scene, capsys, "--policy", str(scene.request.policy))
    assert (code, rules(results, "error")) == (4, {"E403", "E404", "outcome-refused"})
    assert "\x1b" not in json.dumps(results)


def test_nothing_decided_is_an_error_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, results = told(publish(tmp_path, 0.01), capsys)
    assert code == 3
    assert rules(results, "error") == {"outcome-no-bar"}
    assert rules(results, "warning") == {"E410"}
