"""A bar that asks for a beacon, and evidence with it, without it, and with another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from invarlock.errors import UsageFault, VerificationFault
from invarlock.evidence import store
from invarlock.evidence.schema import Beacon
from invarlock.judge import demanded
from invarlock.judge.report import build_report
from invarlock.policy import compile_policy
from invarlock.verify.result import Level, Status, VerificationResult
from tests.builders import DATA_DIGEST, SANDBOXED, Synthetic, make_bar, report_inputs
from tests.verify.runs import (
    ASKING,
    BAR,
    BEACON,
    POLICY,
    Scene,
    case,
    documents,
    make_scene,
    report_of,
    signed,
)

OTHER = "sha256:" + "8" * 64


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    policy = compile_policy(ASKING, filename="source.invar")
    scene = make_scene(tmp_path_factory.mktemp("beacon"))
    (scene.root / "bar.invar").write_bytes(ASKING)
    (scene.root / "plain.invar").write_bytes(POLICY)
    files = documents(replace(case(policy=policy), beacon=BEACON), policy)
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


def test_the_beacon_given_is_the_one_in_the_seed(scene: Scene) -> None:
    result = scene.verify(beacon=BEACON.value)
    assert (result.exit_code, codes(result)) == (0, set())


def test_another_beacon_is_refused(scene: Scene) -> None:
    result = scene.verify(beacon=OTHER)
    assert (result.exit_code, codes(result)) == (4, {"E403"})
    assert result.levels[Level.BOUND] is Status.FAILED


def test_a_bar_that_asks_needs_it_from_who_verifies(scene: Scene) -> None:
    result = scene.verify()
    assert (result.exit_code, codes(result)) == (3, {"E409"})


def test_a_bar_that_does_not_ask_was_measured_otherwise(scene: Scene) -> None:
    result = scene.verify(policy=f"{scene.root / 'plain.invar'}#{'+'.join(BAR)}")
    assert (result.exit_code, codes(result)) == (3, {"E408"})


def test_there_is_no_schedule_without_what_the_bar_asks_for() -> None:
    asking, plain = make_bar(windows__beacon="required"), make_bar()
    assert demanded(asking, DATA_DIGEST, BEACON)[1].beacon == BEACON
    assert demanded(plain, DATA_DIGEST, None)[1].beacon is None
    for bar, beacon in ((asking, None), (plain, BEACON)):
        with pytest.raises(UsageFault) as caught:
            demanded(bar, DATA_DIGEST, beacon)
        assert caught.value.code == "E005"


def test_evidence_without_the_beacon_is_refused(tmp_path: Path) -> None:
    policy = compile_policy(ASKING, filename="source.invar")
    scene = make_scene(tmp_path)
    (scene.root / "bar.invar").write_bytes(ASKING)
    honest = replace(case(policy=policy), beacon=BEACON)
    files = documents(honest, policy)
    report = report_of(files).encode()
    bare = {f"evidence/{n}": data for n, data in replace(honest, beacon=None).files().items()}
    scene.publish({**files, **bare}, report, signed(report))
    result = scene.verify(beacon=BEACON.value)
    assert result.exit_code == 4
    assert "E005" in codes(result)


def test_the_schedule_follows_from_the_beacon() -> None:
    case = Synthetic(bar=make_bar(windows__beacon="required"), beacon=BEACON)
    assert build_report(report_inputs(case)).seeds.beacon == BEACON
    inputs = report_inputs(case)
    schedule = inputs.evidence.header.schedule
    other = BEACON.model_copy(update={"value": OTHER})
    header = inputs.evidence.header.model_copy(
        update={"schedule": schedule.model_copy(update={"beacon": other})}
    )
    with pytest.raises(VerificationFault, match="E407"):
        build_report(replace(inputs, evidence=replace(inputs.evidence, header=header)))


@pytest.mark.parametrize("source", ["", "two\nlines", "x" * 600])
def test_a_source_that_cannot_be_shown_is_refused(source: str) -> None:
    bar = make_bar(windows__beacon="required")
    with pytest.raises(VerificationFault, match="E405"):
        store.read_evidence(
            Synthetic(bar=bar, beacon=Beacon(value=OTHER, source=source)).files(), SANDBOXED
        )
    good = Synthetic(bar=bar, beacon=BEACON).files()
    assert store.read_evidence(good, SANDBOXED).header.schedule.beacon == BEACON
