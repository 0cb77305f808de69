"""What a forger may try with looks: another look than the windows', another level than its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.evidence import store
from invarlock.evidence.schema import RuntimeFacts
from invarlock.judge.estimate import estimate
from invarlock.judge.report import ReportInputs, build_report, policy_record
from invarlock.judge.sources import gate_places
from invarlock.policy import Compiled, compile_policy
from invarlock.security.manifest import RuntimeManifest, runtime_facts
from invarlock.verify.result import VerificationResult
from tests.builders import BASELINE_FILES, SUBJECT_FILES, Synthetic, edited, make_declared
from tests.verify.runs import BAR, Documents, Scene, documents, make_scene, records, signed

POLICY = b"""invar 1
policy looks "1"
task = causal_lm
windows { length = 9 tokens }
estimate { looks = 3; spending = obrien_fleming; minimum = 8 }
tier balanced { require perplexity.ratio <= 1.10 }
profile dev {
  require windows.preview    >= 3
  require windows.final      >= 96
  require estimate.resamples >= 400
}
"""
HEADER = "evidence/evidence.json"
NEAR = 0.0933
"""Nats that a single look at 32 windows tells from ln 1.10, and the first of three does not."""


@pytest.fixture(scope="module")
def policy() -> Compiled:
    return compile_policy(POLICY, filename="source.invar")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    found = make_scene(tmp_path)
    (tmp_path / "bar.invar").write_bytes(POLICY)
    return found


def files_at(policy: Compiled, look: int, worse: float) -> Documents:
    """What a run leaves that stopped at ``look``, its subject ``worse`` nats a token higher."""
    plain = Synthetic(bar=policy.bar(*BAR)[1], documents=24, per_document=5, look=look)
    return documents(replace(plain, columns=edited(plain.rows, worse=worse)), policy)


def published(
    scene: Scene, policy: Compiled, files: Documents, **judged: Any
) -> VerificationResult:
    """Report, sign and verify; ``judged`` under other terms of the estimate than the bar's."""
    seen = RuntimeManifest.model_validate_json(files["runtime.manifest.json"])
    facts = RuntimeFacts.model_validate(runtime_facts(seen))
    parts = {n.removeprefix("evidence/"): d for n, d in files.items() if n.startswith("evidence/")}
    evidence = store.read_evidence(parts, facts)
    name, bar = policy.bar(*BAR)
    values = None
    if judged:
        contract = evidence.header.contract
        terms = contract.model_copy(
            update={"estimate": contract.estimate.model_copy(update=judged)}
        )
        other = replace(evidence, header=evidence.header.model_copy(update={"contract": terms}))
        values = estimate(other, terms)
    report = build_report(
        ReportInputs(
            evidence=evidence,
            policy=policy_record(policy, name, bar),
            bar=bar,
            spans=gate_places(policy, name),
            baseline_files=BASELINE_FILES,
            subject_files=SUBJECT_FILES,
            run_files=records(files),
            declared=make_declared(),
            values=values,
        )
    ).encode()
    scene.publish(files, report, signed(report))
    return scene.verify()


def resigned(scene: Scene, policy: Compiled, files: Documents, look: int) -> VerificationResult:
    """The run published as it is, then again claiming ``look``, with every digest made to fit."""
    assert published(scene, policy, files).exit_code in {0, 1, 3}
    report = json.loads((scene.root / "run" / "evaluation.report.json").read_bytes())
    header = json.loads(files[HEADER])
    header["schedule"]["look"] = report["look"]["reached"] = look
    forged = {**files, HEADER: canonical_bytes(header)}
    report["evidence_digest"] = digest_bytes(forged[HEADER])
    report["files"] = [record.model_dump(mode="json") for record in records(forged)]
    written = canonical_bytes(report)
    scene.publish(forged, written, signed(written))
    return scene.verify()


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


@pytest.mark.parametrize(("worse", "exit_code"), [(0.001, 0), (0.4, 1)])
def test_a_run_that_stopped_early_verifies(
    scene: Scene, policy: Compiled, worse: float, exit_code: int
) -> None:
    result = published(scene, policy, files_at(policy, 1, worse))
    assert (result.exit_code, codes(result)) == (exit_code, set())


@pytest.mark.parametrize(("there", "claimed"), [(1, 3), (1, 2), (3, 1), (2, 1)])
def test_a_look_that_is_not_the_windows_is_refused(
    scene: Scene, policy: Compiled, there: int, claimed: int
) -> None:
    result = resigned(scene, policy, files_at(policy, there, 0.001), claimed)
    assert (result.exit_code, codes(result)) == (4, {"E407"})


def test_a_look_beyond_the_plan_is_refused(scene: Scene, policy: Compiled) -> None:
    result = resigned(scene, policy, files_at(policy, 3, 0.001), 4)
    assert (result.exit_code, codes(result)) == (4, {"E407"})


def test_an_early_look_judged_as_though_it_were_the_only_one_is_refused(
    scene: Scene, policy: Compiled
) -> None:
    """At the level of a single look the subject passes, at the first of three it does not."""
    files = files_at(policy, 1, NEAR)
    assert published(scene, policy, files).outcome == "inconclusive"
    forged = published(scene, policy, files, spending="none")
    report = json.loads((scene.root / "run" / "evaluation.report.json").read_bytes())
    assert report["verdict"] == "pass"
    assert (forged.exit_code, codes(forged)) == (4, {"E404"})
