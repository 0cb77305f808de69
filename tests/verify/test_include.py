"""Runs whose policy includes another: the sources travel with the run and are bound by digest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from invarlock.judge.report import Report
from invarlock.policy import Compiled, compile_policy
from invarlock.policy.freeze import freeze
from invarlock.present import words
from invarlock.present.explain import explain_lines
from invarlock.present.html import render_html
from invarlock.verify.result import VerificationResult
from tests.verify.runs import (
    POLICY,
    Documents,
    Scene,
    case,
    documents,
    make_scene,
    records,
    report_of,
)
from tests.verify.runs import signed as statement_of

HOUSE = POLICY.replace(b"policy test", b"policy house").replace(b"tier balanced", b"tier base")
INCLUDED = "policy/include/rules/house.invar"


def including() -> Compiled:
    """The policy of the other runs, with everything but one gate in an included file."""
    files = {"rules/house.invar": HOUSE}
    text = b"""invar 1
policy test "1.0.0"
task = causal_lm
include "rules/house.invar" as house
tier balanced refines house.base { require kl.p99 <= 9 nats }
profile dev {
  require windows.preview    >= 30
  require windows.final      >= 36
  require estimate.resamples >= 200
}
"""
    source = freeze(text, "source.invar", files.__getitem__).text
    return compile_policy(source, filename="source.invar", includes=files.__getitem__)


def run_files() -> Documents:
    return documents(case(policy=including()), including())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "bar.invar").write_bytes(including().source)
    (tmp_path / "rules" / "house.invar").write_bytes(HOUSE)
    publish(scene, run_files())
    return scene


def publish(scene: Scene, files: Documents, report: Report | None = None) -> None:
    made = (report or report_of(files)).encode()
    scene.publish(files, made, statement_of(made))


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


def test_a_run_under_an_including_policy_verifies(scene: Scene) -> None:
    result = scene.verify()
    assert (result.exit_code, result.outcome) == (0, "pass")
    assert {gate.verdict for gate in result.gates} == {"pass"}


def test_the_report_says_in_which_file_each_gate_stands() -> None:
    files = run_files()
    report = report_of(files)
    assert {record.path for record in report.files} == set(files)
    places = {gate.id: gate.span.file for gate in report.gates}
    assert places["kl.p99"] == "policy/source.invar"
    assert places["perplexity.ratio"] == INCLUDED
    ratio = next(gate for gate in report.gates if gate.id == "perplexity.ratio")
    assert words.place(ratio) == f"line {ratio.span.line} of rules/house.invar"
    assert words.place(ratio) in render_html(report)
    lines = {path: data.decode().splitlines() for path, data in files.items() if "invar" in path}
    told = "\n".join(explain_lines(report, lines))
    assert f"rules/house.invar:{ratio.span.line}:3  require perplexity.ratio  " in told


def test_an_included_file_that_is_missing_is_lacking(scene: Scene) -> None:
    path = scene.root / "run" / INCLUDED
    data = path.read_bytes()
    path.unlink()
    result = scene.verify()
    assert (result.exit_code, codes(result)) == (3, {"E409"})
    assert INCLUDED in result.findings[0].what
    path.write_bytes(data)
    assert scene.verify().exit_code == 0


def _loosened(files: Documents) -> Documents:
    return {**files, INCLUDED: files[INCLUDED].replace(b"<= 1.10", b"<= 1.90")}


def _reworded(files: Documents) -> Documents:
    return {**files, INCLUDED: files[INCLUDED] + b"# a remark\n"}


def _unlisted(files: Documents) -> Documents:
    return {name: data for name, data in files.items() if name != INCLUDED}


def _added(files: Documents) -> Documents:
    return {**files, "policy/include/other.invar": HOUSE}


@pytest.mark.parametrize("forge", [_loosened, _unlisted, _added])
def test_a_signer_cannot_change_what_is_included(
    scene: Scene, forge: Callable[[Documents], Documents]
) -> None:
    honest = run_files()
    assert scene.verify().exit_code == 0
    forged = forge(honest)
    # The report as it was, with the digests of the forged files made to fit.
    made = report_of(honest).model_copy(update={"files": records(forged)})
    (scene.root / "run" / INCLUDED).unlink()
    publish(scene, forged, made)
    result = scene.verify()
    assert result.exit_code == 4
    assert codes(result) & {"E404", "E405"}


def test_another_wording_of_what_is_included_is_another_file_and_the_same_bar(
    scene: Scene,
) -> None:
    path = scene.root / "run" / INCLUDED
    honest = path.read_bytes()
    path.write_bytes(_reworded({INCLUDED: honest})[INCLUDED])
    assert (scene.verify().exit_code, codes(scene.verify())) == (4, {"E403"})
    publish(scene, _reworded(run_files()))
    result = scene.verify()
    assert result.exit_code == 0
    assert result.bar is not None
    assert result.bar.digest == result.producer_bar
