"""Without the evidence: a bar at least as strict and the signer's word, if that is accepted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invarlock.attest.bundle import parse_bundle, sign_bundle
from invarlock.attest.keys import load_private, new_key
from invarlock.attest.statement import parse_statement
from invarlock.canonical import canonical_bytes
from invarlock.cli import main
from invarlock.errors import UsageFault, VerificationFault
from invarlock.judge.records import ModelRecord
from invarlock.policy.intervals import describe_relation
from invarlock.policy.ir import Gate, Member
from invarlock.verify.claimed import check_claims
from invarlock.verify.provenance import check_provenance
from invarlock.verify.result import BY_STRICTNESS, Level, Status, VerificationResult
from tests.policy.compare.sarif_schema import results_of
from tests.verify.runs import (
    BAR,
    POLICY,
    Scene,
    case,
    compiled,
    documents,
    make_scene,
    report_of,
    signed,
)

RATIO = b"require perplexity.ratio            <= 1.10"
BARS = {
    "equal": POLICY.replace(b"<= 1.10", b"<= 110%"),
    "stricter": POLICY.replace(RATIO, b"require perplexity.ratio <= 1.30"),
    "weaker": POLICY.replace(RATIO, b"require perplexity.ratio <= 1.05"),
    "mixed": POLICY.replace(RATIO, b"require perplexity.ratio <= 1.05").replace(
        b"<= 0.20 nats", b"<= 0.30 nats"
    ),
    "incomparable": POLICY.replace(b"length = 9 tokens", b"length = 10 tokens"),
}
"""Consumers' policies by what the run's bar is beside them; its numbers would clear each."""


def bare(root: Path, worse: float = 0.01) -> Scene:
    """A run of which only report, bar and bundle are at hand."""
    scene = make_scene(root)
    files = documents(case(worse=worse))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    shutil.rmtree(root / "run" / "evidence")
    for name in ("policy/source.invar", "policy/policy.ir.json", "runtime.manifest.json"):
        (root / "run" / name).unlink()
    for name, text in BARS.items():
        (root / f"{name}.invar").write_bytes(text)
    return scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return bare(tmp_path_factory.mktemp("strictness"))


def verified(
    scene: Scene, name: str = "equal", *, accept: bool = True, **more: Any
) -> VerificationResult:
    policy = f"{scene.root / name}.invar#{'+'.join(BAR)}"
    return scene.verify(**{"policy": policy, "accept_strictness": accept, **more})


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


@pytest.mark.parametrize("name", ["equal", "stricter"])
def test_a_bar_at_least_as_strict_stands_in_if_that_is_accepted(scene: Scene, name: str) -> None:
    result = verified(scene, name)
    assert (result.exit_code, result.outcome, result.verdict) == (0, "pass", "pass")
    assert (result.judged_by, result.limits) == ("strictness", BY_STRICTNESS)
    assert result.levels[Level.SIGNED] is Status.REACHED
    assert result.levels[Level.BOUND] is Status.LACKING
    assert result.levels[Level.JUDGED] is Status.LACKING
    assert {gate.measure for gate in result.gates} == {"signature.by", "signature.log"}
    assert result.strictness is not None
    assert result.strictness.relation == name


@pytest.mark.parametrize("name", BARS)
def test_by_default_nothing_stands_in(scene: Scene, name: str) -> None:
    result = verified(scene, name, accept=False)
    assert (result.exit_code, result.outcome, codes(result)) == (3, "lacking", {"E409"})
    assert (result.judged_by, result.verdict, result.gates) == (None, None, ())
    assert result.strictness is not None
    assert result.strictness.holds == (name in {"equal", "stricter"})


@pytest.mark.parametrize("name", ["weaker", "mixed", "incomparable"])
def test_any_other_bar_never_passes(scene: Scene, name: str) -> None:
    result = verified(scene, name)
    assert (result.exit_code, result.outcome, codes(result)) == (3, "lacking", {"E409", "E415"})
    assert (result.judged_by, result.verdict) == (None, None)


def test_a_signed_failure_is_no_pass(tmp_path: Path) -> None:
    result = verified(bare(tmp_path, worse=0.4))
    assert (result.exit_code, codes(result)) == (3, {"E409", "E415"})
    assert result.strictness is not None
    assert result.strictness.signed_verdict == "fail"


def test_a_pass_over_a_failing_gate_is_refused(tmp_path: Path) -> None:
    """A trusted signer who flips the verdict in the statement alone."""
    scene = bare(tmp_path, worse=0.4)
    resigned(scene, verdict="pass")
    result = verified(scene)
    assert (result.exit_code, "E404" in codes(result)) == (4, True)


def test_a_statement_without_the_gates_is_refused(tmp_path: Path) -> None:
    scene = bare(tmp_path)
    resigned(scene, gates=[])
    assert (verified(scene).exit_code, "E404" in codes(verified(scene))) == (4, True)


def test_a_bar_other_than_the_one_signed_is_refused(tmp_path: Path) -> None:
    scene = bare(tmp_path)
    resigned(scene, policy={"bar_digest": "sha256:" + "7" * 64})
    assert (verified(scene).exit_code, "E404" in codes(verified(scene))) == (4, True)


FACTS: dict[str, dict[str, Any]] = {
    "isolation": {"runtime": {"isolation": "host"}},
    "network": {"runtime": {"network": "on"}},
    "remote code": {"runtime": {"remote_code": "on"}},
    "unobserved": {"runtime": {"pickle": None}},
}
"""What the statement says outside its gates, and they otherwise."""


@pytest.mark.parametrize("what", FACTS)
def test_a_statement_that_contradicts_its_gates_is_refused(tmp_path: Path, what: str) -> None:
    """With the gates as they were, under the run's own bar and a weaker one."""
    scene = bare(tmp_path)
    assert verified(scene).exit_code == 0
    resigned(scene, **FACTS[what])
    for name in ("equal", "stricter"):
        result = verified(scene, name)
        assert (result.exit_code, "E404" in codes(result)) == (4, True)


OBSERVED: dict[str, tuple[str, dict[str, Any]]] = {
    "number": ("perplexity.ratio", {"observed": "7.5", "interval": ["7.4", "7.6"]}),
    "point alone": ("perplexity.ratio", {"observed": "7.5"}),
    "interval alone": ("perplexity.ratio", {"interval": ["0.9", "1.2"]}),
    "no interval": ("perplexity.ratio", {"interval": None}),
    "interval from high to low": ("perplexity.ratio", {"interval": ["1.02", "1.01"]}),
    "nothing": ("perplexity.drift", {"observed": None}),
    "no number": ("perplexity.drift", {"observed": "NaN"}),
    "slice": ('perplexity.ratio on "prose"', {"interval": ["1.01", "1.3"]}),
    "each family": ("spectral.shift on each family", {"observed": "0.06"}),
    "percentile": ("perplexity.tail.p95", {"observed": "0.200001"}),
    "a warning that passes": ("kl.mean", {"observed": "1", "interval": ["0.9", "1.1"]}),
    "word": ("tokenizer.same", {"observed": "no"}),
    "a gate on a fact": ("runtime.isolation", {"observed": "host"}),
    "bound": ("perplexity.ratio", {"bound": "<= 7"}),
}


@pytest.mark.parametrize("what", OBSERVED)
def test_a_gate_that_passes_over_what_was_observed_is_refused(tmp_path: Path, what: str) -> None:
    gate, change = OBSERVED[what]
    scene = bare(tmp_path)
    gates = statement_of(scene)["predicate"]["gates"]
    resigned(scene, gates=gates)
    assert verified(scene).exit_code == 0
    resigned(scene, gates=[{**one, **(change if one["id"] == gate else {})} for one in gates])
    result = verified(scene)
    assert (result.exit_code, result.judged_by, "E404" in codes(result)) == (4, None, True)
    assert any(gate in finding.what for finding in result.findings)


def test_a_list_of_what_is_loaded_is_the_verifiers_own(tmp_path: Path) -> None:
    """Else provenance of a tokenizer alone would do for a model, by the signer's word."""
    scene = bare(tmp_path)
    files = statement_of(scene)["predicate"]["subject"]["files"]
    lie = [{**one, "loaded": "tokenizer" in one["path"]} for one in files]
    assert lie != files
    resigned(scene, subject={"files": lie})
    options: list[dict[str, Any]] = [{}, {"accept": False, "policy": None, "level": Level.BOUND}]
    for more in options:
        result = verified(scene, **more)
        assert (result.exit_code, "E404" in codes(result)) == (4, True)
    model = ModelRecord.model_validate_json(json.dumps(statement_of(scene)["predicate"]["subject"]))
    built = [
        {"name": one["path"], "digest": {"sha256": one["digest"].removeprefix("sha256:")}}
        for one in files
    ]
    tokenizer = [one for one in built if "tokenizer" in one["name"]]
    with pytest.raises(VerificationFault) as caught:
        check_provenance(provenance(tokenizer), model, "it")
    assert caught.value.code == "E403"
    assert check_provenance(provenance(built), model, "it") == "https://builder.example"


def provenance(subject: list[dict[str, Any]]) -> bytes:
    return canonical_bytes(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {"runDetails": {"builder": {"id": "https://builder.example"}}},
        }
    )


def statement_of(scene: Scene) -> Any:
    return json.loads(parse_bundle(scene.request.bundle.read_bytes()).payload)


def resigned(scene: Scene, **changes: Any) -> None:
    path = scene.request.bundle
    statement = statement_of(scene)
    for name, value in changes.items():
        old = statement["predicate"][name]
        statement["predicate"][name] = {**old, **value} if isinstance(value, dict) else value
    path.write_bytes(sign_bundle(canonical_bytes(statement), load_private(scene.root / "key")))


def test_signatures_are_judged_here_all_the_same(scene: Scene) -> None:
    new_key(scene.root / "other")
    text = (scene.root / "equal.invar").read_bytes()
    (scene.root / "strangers.invar").write_bytes(text.replace(b"{team, release}", b"{release}"))
    result = verified(scene, "strangers")
    assert (result.exit_code, result.outcome) == (1, "fail")
    assert result.judged_by == "strictness"


def test_what_else_is_lacking_is_not_forgiven(scene: Scene) -> None:
    assert verified(scene, subject=None).exit_code == 3
    result = verified(scene, require=frozenset({"log"}))
    assert (result.exit_code, codes(result)) == (3, {"E409", "E414"})


def test_bills_that_are_required_must_be_there(tmp_path: Path) -> None:
    scene = bare(tmp_path)
    required = frozenset({"bom"})
    assert verified(scene, require=required).exit_code == 0
    (tmp_path / "run" / "mlbom.cdx.json").unlink()
    assert verified(scene).exit_code == 0
    result = verified(scene, require=required)
    assert (result.exit_code, codes(result)) == (3, {"E409", "E414"})


def test_another_model_is_refused(scene: Scene) -> None:
    result = verified(scene, subject=None, subject_digest="sha256:" + "0" * 64)
    assert (result.exit_code, result.judged_by) == (4, None)


def test_the_bundle_alone_gives_the_bar(tmp_path: Path) -> None:
    scene = bare(tmp_path)
    lone = tmp_path / "lone" / "bundle.json"
    lone.parent.mkdir()
    lone.write_bytes(scene.request.bundle.read_bytes())
    assert verified(scene, "stricter", bundle=lone).exit_code == 0
    assert codes(verified(scene, "weaker", bundle=lone)) == {"E409", "E415"}


def test_a_pinned_bar_is_the_very_one(scene: Scene) -> None:
    digest = compiled().bar(*BAR)[1].digest
    assert verified(scene, policy=None, policy_digest=digest).exit_code == 0
    other = verified(scene, policy=None, policy_digest="sha256:" + "0" * 64)
    assert (other.exit_code, "E411" in codes(other)) == (4, True)


def test_origin_and_digests_in_gates_are_those_of_the_statement(scene: Scene) -> None:
    """What the bar of the run may be about, and this one's is not."""
    predicate = parse_statement(parse_bundle(scene.request.bundle.read_bytes()).payload).predicate
    assert predicate.baseline is not None
    true = {
        "evidence.origin": "measured",
        "data.digest": predicate.data.digest,
        "baseline.digest": predicate.baseline.digest,
    }
    for measure, word in true.items():
        for told, allowed, clean in (
            (word, word, True),
            (word, "other", False),
            ("other", "other", False),
        ):
            gate = Gate(measure=measure, level="require", relation=Member(values=(allowed,)))
            bar = replace(predicate.resolved_policy, gates=(gate,))
            summary = predicate.gates[0].model_copy(
                update={
                    "id": measure, "verdict": "pass", "observed": told, "interval": None,
                    "bound": describe_relation(gate),
                }
            )  # fmt: skip
            told_so = predicate.model_copy(update={"gates": (summary,)})
            found = {finding.code for finding in check_claims(told_so, bar, bar)}
            assert found == (set() if clean else {"E404"})


def test_evidence_that_is_there_is_judged(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    result = scene.verify(accept_strictness=True)
    assert (result.exit_code, result.judged_by, result.strictness) == (0, "evidence", None)


def test_it_takes_a_bar(scene: Scene) -> None:
    with pytest.raises(UsageFault, match="without a bar"):
        verified(scene, policy=None)
    for level in (Level.BOUND, Level.MEASURED, Level.REPRODUCED):
        with pytest.raises(UsageFault, match="alone" if level is not Level.BOUND else "no bar"):
            verified(scene, level=level)


def test_every_format_says_so(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    ask = scene.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0]), "--subject", str(ask.subject)]
    words += ["--policy", f"{scene.root / 'stricter.invar'}#{'+'.join(BAR)}"]
    assert main(words) == 3
    assert "--accept-strictness takes that word" in capsys.readouterr().out
    words.append("--accept-strictness")
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "outcome     pass: by the signer's word under a bar at least as strict" in told
    assert "limits      no number was recomputed" in told
    assert main([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["judged_by"] == "strictness"
    assert main([*words, "--format", "sarif"]) == 0
    results = results_of(json.loads(capsys.readouterr().out))
    assert {one["ruleId"] for one in results} == {"judged-strictness", "E409"}
    new_key(scene.root / "verifier")
    out = scene.root / "vsa.json"
    summary = ["--summary", str(out), "--summary-key", str(scene.root / "verifier")]
    assert main([*words, *summary]) == 0
    vsa = json.loads(parse_bundle(out.read_bytes()).payload)["predicate"]
    assert vsa["verifiedLevels"] == ["INVARLOCK_STRICTNESS"]
