"""Levels, lacks, bars and exit codes of one verification."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from invarlock.attest.attest_run import attest_run
from invarlock.attest.keys import KeyType, new_key
from invarlock.canonical import canonical_bytes
from invarlock.errors import EnvironmentFault, InternalFault, SafetyRefusal, UsageFault
from invarlock.judge.signature import PENDING
from invarlock.verify import engine
from invarlock.verify.result import Level, Status, VerificationResult
from tests.verify.runs import (
    BAR,
    FINGERPRINT,
    POLICY,
    Scene,
    case,
    compiled,
    documents,
    make_scene,
    report_of,
    signed,
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    publish(scene, worse=0.01)
    return scene


def publish(scene: Scene, worse: float) -> None:
    files = documents(case(worse=worse))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


def statuses(result: VerificationResult) -> str:
    return " ".join(result.levels[level] for level in (Level.SIGNED, Level.BOUND, Level.JUDGED))


def test_a_good_run_reaches_every_level_and_passes(scene: Scene) -> None:
    result = scene.verify()
    assert (result.exit_code, result.outcome, result.verdict) == (0, "pass", "pass")
    assert statuses(result) == "reached reached reached"
    assert result.levels[Level.REPRODUCED] is Status.NOT_ASKED
    assert result.bar is not None
    assert result.bar.source == "policy"
    assert result.bar.digest == result.producer_bar == compiled().bar(*BAR)[1].digest
    assert {gate.verdict for gate in result.gates} == {"pass"}


def test_a_bad_run_verifies_and_fails(scene: Scene) -> None:
    publish(scene, worse=0.4)
    result = scene.verify()
    assert (result.exit_code, result.outcome) == (1, "fail")
    assert statuses(result) == "reached reached reached"
    failed = {gate.id for gate in result.gates if gate.verdict == "fail"}
    assert "perplexity.ratio" in failed


def test_the_bundle_may_be_named_by_its_run(scene: Scene) -> None:
    assert scene.verify(bundle=scene.root / "run").exit_code == 0


@pytest.mark.parametrize("kind", list(KeyType))
def test_both_kinds_of_key_sign_and_verify(scene: Scene, kind: KeyType) -> None:
    own = new_key(scene.root / "own", kind)
    (scene.root / "run" / "attestation.sigstore.json").unlink()
    attest_run(scene.root / "run", scene.root / "own")
    bar = POLICY.replace(FINGERPRINT.encode(), own.fingerprint.encode())
    (scene.root / "own.invar").write_bytes(bar)
    theirs = f"{scene.root / 'own.invar'}#balanced+dev"
    assert scene.verify(keys=(scene.root / "own.pub",), policy=theirs).exit_code == 0
    refused = scene.verify()
    assert (refused.exit_code, codes(refused)) == (4, {"E401"})
    assert statuses(refused) == "failed blocked blocked"
    assert refused.subject is None


# --- the consumer's bar --------------------------------------------------------------------------


def test_without_a_bar_nothing_is_decided(scene: Scene) -> None:
    result = scene.verify(policy=None)
    assert (result.exit_code, result.outcome, result.verdict) == (3, "no-bar", None)
    assert codes(result) == {"E410"}
    assert statuses(result) == "reached reached reached"


def test_a_pinned_digest_makes_the_runs_bar_the_consumers(scene: Scene) -> None:
    digest = compiled().bar(*BAR)[1].digest
    result = scene.verify(policy=None, policy_digest=digest)
    assert (result.exit_code, result.outcome) == (0, "pass")
    assert result.bar is not None
    assert result.bar.source == "digest"
    other = scene.verify(policy=None, policy_digest="sha256:" + "0" * 64)
    assert (other.exit_code, codes(other)) == (4, {"E411"})


def _bar(scene: Scene, old: bytes, new: bytes) -> VerificationResult:
    assert old in POLICY
    (scene.root / "own.invar").write_bytes(POLICY.replace(old, new))
    return scene.verify(policy=f"{scene.root / 'own.invar'}#balanced+dev")


def test_the_consumers_bar_decides_whatever_the_producers_said(scene: Scene) -> None:
    stricter = _bar(scene, b"<= 1.10", b"<= 1.001")
    assert (stricter.exit_code, stricter.verdict) == (1, "fail")
    looser = _bar(scene, b"<= 1.10", b"<= 1.15")
    assert (looser.exit_code, looser.verdict) == (0, "pass")
    assert looser.bar is not None
    assert looser.bar.digest != looser.producer_bar
    publish(scene, worse=0.4)
    tolerant = _bar(scene, b'on "prose" <= 1.20', b'on "prose" <= 9')
    assert tolerant.verdict == "fail"


def test_more_windows_than_were_measured_is_no_pass(scene: Scene) -> None:
    assert _bar(scene, b"final      >= 36", b"final      >= 37").outcome == "incomplete"


def test_settings_of_the_estimate_are_the_consumers(scene: Scene) -> None:
    result = _bar(scene, b"resamples >= 200", b"resamples >= 400")
    assert (result.exit_code, result.verdict) == (0, "pass")


def test_another_measurement_contract_leaves_it_open(scene: Scene) -> None:
    result = _bar(scene, b"length = 9 tokens", b"length = 10 tokens")
    assert (result.exit_code, result.outcome, codes(result)) == (3, "no-bar", {"E408"})


def test_a_policy_that_does_not_stand_is_the_consumers_fault(scene: Scene) -> None:
    with pytest.raises(UsageFault):
        _bar(scene, b"perplexity.ratio ", b"perplexity.ration ")
    with pytest.raises(UsageFault):
        scene.verify(policy=f"{scene.root / 'bar.invar'}#balanced+none")


def test_a_bar_that_asks_for_no_windows_is_refused_as_evaluate_refuses_it(scene: Scene) -> None:
    policy = scene.root / "bar.invar"
    with pytest.raises(UsageFault, match=r"windows\.final") as caught:
        scene.verify(policy=f"{policy}#balanced")
    assert (caught.value.code, caught.value.exit_code) == ("E004", 2)
    assert scene.verify(policy=f"{policy}#balanced+dev").exit_code == 0


# --- who signed ----------------------------------------------------------------------------------


def gate(result: VerificationResult, name: str) -> tuple[str, str | None]:
    found = next(gate for gate in result.gates if gate.id == name)
    return found.verdict, found.observed


def test_a_producer_leaves_the_signature_open_and_the_verifier_decides_it(scene: Scene) -> None:
    report = report_of(documents(case()))
    open_gates = {gate.id for gate in report.gates if gate.verdict == "pending"}
    assert open_gates == {"signature.by", "signature.log"}
    assert report.verdict == "pass"
    result = scene.verify()
    assert result.outcome == "pass"
    assert gate(result, "signature.by") == ("pass", f"key {FINGERPRINT}")
    assert gate(result, "signature.log") == ("pass", "no")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (FINGERPRINT.encode(), b"sha256:" + b"0" * 64, "signature.by"),
        (b"in {team, release}", b"in {release}", "signature.by"),
        (b"signature.log       == no", b"signature.log       == yes", "signature.log"),
    ],
)
def test_a_signature_that_the_consumers_bar_does_not_allow_fails(
    scene: Scene, old: bytes, new: bytes, name: str
) -> None:
    result = _bar(scene, old, new)
    assert (result.exit_code, result.outcome) == (1, "fail")
    assert {gate.id for gate in result.gates if gate.verdict != "pass"} == {name}
    # The same bar, which only warns of it, passes.
    policy = scene.root / "own.invar"
    text = policy.read_bytes()
    assert b"require " + name.encode() in text
    policy.write_bytes(text.replace(b"require " + name.encode(), b"warn " + name.encode()))
    warned = scene.verify(policy=f"{policy}#balanced+dev")
    assert (warned.exit_code, warned.outcome) == (0, "pass")
    assert gate(warned, name)[0] == "fail"


def test_a_pending_gate_in_a_verification_is_a_defect(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scene.verify().exit_code == 0
    monkeypatch.setattr(engine, "signature_values", lambda *_, **__: PENDING)
    with pytest.raises(InternalFault, match=r"signature\.by.*signature\.log") as caught:
        scene.verify()
    assert caught.value.code == "E901"


# --- artifacts -----------------------------------------------------------------------------------


def test_the_subject_is_needed(scene: Scene) -> None:
    result = scene.verify(subject=None)
    assert (result.exit_code, result.outcome, codes(result)) == (3, "lacking", {"E409"})
    assert statuses(result) == "reached lacking lacking"
    assert result.verdict is None
    assert result.gates == ()


def test_the_subjects_digest_stands_in_for_it(scene: Scene) -> None:
    digest = scene.verify().subject
    assert scene.verify(subject=None, subject_digest=digest).exit_code == 0
    other = scene.verify(subject=None, subject_digest="sha256:" + "0" * 64)
    assert (other.exit_code, codes(other)) == (4, {"E403"})


@pytest.mark.parametrize("arm", ["subject", "baseline"])
def test_a_model_folder_must_be_the_exact_set(scene: Scene, arm: str) -> None:
    def changed() -> set[str]:
        result = scene.verify()
        assert (result.exit_code, codes(result)) == (4, {"E403"})
        return {finding.what for finding in result.findings}

    folder = scene.root / arm
    (folder / "extra.txt").write_bytes(b"x")
    assert f"{arm}: `extra.txt`" in changed()
    (folder / "extra.txt").unlink()
    assert scene.verify().exit_code == 0
    (folder / "model.safetensors").write_bytes(b"tampere")
    assert f"{arm}: `model.safetensors`" in changed()
    (folder / "model.safetensors").unlink()
    assert f"{arm}: `model.safetensors`" in changed()


def test_a_link_in_a_model_folder_is_refused_for_safety(scene: Scene) -> None:
    (scene.root / "subject" / "link").symlink_to("/etc/passwd")
    with pytest.raises(SafetyRefusal) as caught:
        scene.verify()
    assert caught.value.code == "E205"


def test_other_data_is_refused(scene: Scene) -> None:
    (scene.root / "data.jsonl").write_bytes(b"other")
    result = scene.verify()
    assert (result.exit_code, codes(result)) == (4, {"E403"})
    assert scene.verify(data=None, baseline=None).exit_code == 0


def test_what_the_bar_pins_must_be_at_hand(scene: Scene) -> None:
    run = report_of(documents(case()))
    pins = f"require data.digest in {{{run.data.digest}}}\n"
    pins += f"require baseline.digest in {{{run.baseline.digest}}}\n"
    (scene.root / "pins.invar").write_bytes(
        POLICY.replace(b"tier balanced", pins.encode() + b"tier balanced")
    )
    policy = f"{scene.root / 'pins.invar'}#balanced+dev"
    assert scene.verify(policy=policy).exit_code == 0
    for absent in ({"data": None}, {"baseline": None}):
        result = scene.verify(policy=policy, **absent)
        assert (result.exit_code, codes(result)) == (3, {"E409"})
        assert next(iter(absent)) in result.findings[0].what


def test_a_missing_file_of_the_run_is_lacking_and_named(scene: Scene) -> None:
    for name in (*documents(case()), "evaluation.report.json"):
        path = scene.root / "run" / name
        data = path.read_bytes()
        path.unlink()
        result = scene.verify()
        assert (result.exit_code, codes(result)) == (3, {"E409"})
        assert name in result.findings[0].what
        path.write_bytes(data)
    assert scene.verify().exit_code == 0


def test_a_link_in_the_run_is_refused(scene: Scene) -> None:
    path = scene.root / "run" / "evidence" / "windows.json"
    os.rename(path, scene.root / "elsewhere")
    path.symlink_to(scene.root / "elsewhere")
    result = scene.verify()
    assert (result.exit_code, codes(result)) == (4, {"E403"})


def test_presentation_is_not_trusted_and_not_listed(scene: Scene) -> None:
    (scene.root / "run" / "report.html").write_bytes(b"<h1>PASSED</h1>")
    assert scene.verify().exit_code == 0


def test_absent_paths_are_the_environments_fault(scene: Scene) -> None:
    none = scene.root / "none"
    paths = dict.fromkeys(("bundle", "run", "subject", "baseline", "data"), none)
    for name, value in {**paths, "keys": (none,), "cosigned": (none,)}.items():
        with pytest.raises(EnvironmentFault) as caught:
            scene.verify(**{name: value})
        assert caught.value.code == "E601"


# --- levels --------------------------------------------------------------------------------------


def test_lower_levels_decide_nothing(scene: Scene) -> None:
    for level, reached in (
        (Level.SIGNED, "reached not-asked not-asked"),
        (Level.BOUND, "reached reached not-asked"),
    ):
        result = scene.verify(level=level, policy=None)
        assert (result.exit_code, result.outcome, statuses(result)) == (3, "no-bar", reached)
        with pytest.raises(UsageFault):
            scene.verify(level=level)


def test_another_subject_in_the_statement_is_refused_below_judged(scene: Scene) -> None:
    files = documents(case())
    report = report_of(files).encode()
    honest = json.loads(signed(report))
    assert scene.verify(level=Level.BOUND, policy=None).levels[Level.BOUND] is Status.REACHED
    honest["subject"][0]["digest"]["sha256"] = "5" * 64
    scene.publish(files, report, canonical_bytes(honest))
    result = scene.verify(level=Level.BOUND, policy=None)
    assert (result.exit_code, codes(result)) == (4, {"E403"})
    assert statuses(result) == "reached failed not-asked"


@pytest.mark.parametrize(
    ("level", "without", "lacks"),
    [
        (Level.MEASURED, "subject", Level.MEASURED),
        (Level.MEASURED, "baseline", Level.MEASURED),
        (Level.REPRODUCED, "data", Level.REPRODUCED),
    ],
)
def test_levels_that_measure_name_what_they_lack(
    scene: Scene, level: Level, without: str, lacks: Level
) -> None:
    digest = str(scene.verify().subject)
    other = {"subject_digest": digest} if without == "subject" else {}
    result = scene.verify(level=level, **{without: None}, **other)
    assert (result.exit_code, result.outcome) == (3, "lacking")
    assert [(f.level, f.code) for f in result.findings] == [(lacks, "E409")]
    assert f"the {without} is not at hand" in result.findings[0].what
    assert result.levels[Level.JUDGED] is Status.REACHED
    assert result.levels[lacks] is Status.LACKING


def test_nothing_is_measured_for_what_is_refused_below(scene: Scene) -> None:
    (scene.root / "subject" / "config.json").write_bytes(b"{ }")
    result = scene.verify(level=Level.REPRODUCED)
    assert result.exit_code == 4
    assert codes(result) == {"E403"}
    assert result.levels[Level.REPRODUCED] is Status.BLOCKED
    assert result.reproduction is None


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_digest": "sha256:" + "0" * 64},
        {"policy_digest": "sha256:" + "0" * 64},
        {"subject": None, "subject_digest": "sha256:xyz"},
        {"policy": None, "policy_digest": "0" * 64},
    ],
)
def test_conflicting_and_malformed_arguments_are_usage(
    scene: Scene, changes: dict[str, str | None]
) -> None:
    with pytest.raises(UsageFault) as caught:
        scene.verify(**changes)
    assert caught.value.code == "E701"


def test_all_that_is_wrong_is_named_at_once(scene: Scene) -> None:
    run = scene.root / "run"
    report = (run / "evaluation.report.json").read_bytes()
    text = report.decode().replace('"verdict":"pass"', '"verdict":"fail"')
    (run / "evaluation.report.json").write_text(text)
    (scene.root / "data.jsonl").write_bytes(b"other")
    result = scene.verify()
    named = " ".join(finding.what for finding in result.findings)
    assert result.exit_code == 4
    assert codes(result) == {"E403", "E404"}
    for piece in ("report: `verdict`", "report: `gates[3].verdict`", "data file", "not the file"):
        assert piece in named


@pytest.mark.parametrize("words", [(), ("verify",), ("audit",), ("watch",)])
def test_help_is_light(words: tuple[str, ...]) -> None:
    code = f"""
import sys
from invarlock.cli import main
code = main([*{words!r}, "--help"])
heavy = {{"torch", "transformers", "sigstore", "numpy", "pydantic", "cryptography", "rich"}}
print(sorted(heavy & sys.modules.keys()), code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_the_path_to_a_verdict_is_light(scene: Scene) -> None:
    request = scene.request
    code = f"""
import sys
from invarlock.cli import main
code = main(["verify", {str(request.bundle)!r}, "--key", {str(request.keys[0])!r}, "--subject",
             {str(request.subject)!r}, "--policy", {request.policy!r}])
heavy = {{"torch", "transformers", "sigstore", "rich", "jinja2", "jsonschema", "scipy", "lark"}}
print(sorted(heavy & sys.modules.keys()), code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_without_the_libraries_nothing_is_measured(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # what the import system has for absent
    with pytest.raises(EnvironmentFault, match="`torch` is not installed") as caught:
        scene.verify(level=Level.MEASURED, mode="host")
    assert (caught.value.code, caught.value.hint) == ("E605", "pip install 'invarlock[hf]'")
    assert scene.verify(level=Level.JUDGED).exit_code == 0


def test_without_a_boundary_nothing_is_measured(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SafetyRefusal) as caught:
        scene.verify(level=Level.REPRODUCED)
    assert caught.value.code == "E301"
