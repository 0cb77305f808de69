"""Summaries that the verifier signs: VSA and SVR, and never PASSED for less than a pass."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from invarlock.attest.bundle import parse_bundle, verify_signature
from invarlock.attest.keys import load_public, new_key
from invarlock.cli import main
from invarlock.verify.result import OUTCOMES, BarUsed, Level, Status, VerificationResult
from invarlock.verify.summary import Circumstances, summary_bytes
from scripts.generate_schemas import schema
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

URI = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$"}
DIGESTS = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]+)?Z$"}
EXTENSIONS = {"^[a-z]+://": {}}
RESOURCE = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": [{"required": ["uri"]}, {"required": ["digest"]}],
    "properties": {"name": {"type": "string"}, "uri": URI, "digest": DIGESTS},
}


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "patternProperties": EXTENSIONS,
        "required": list(required),
        "properties": {**required, **optional},
    }


# Written by hand after the two specifications.
VERSIONS = {"type": "object", "additionalProperties": {"type": "string"}}
PREDICATES = {
    "https://slsa.dev/verification_summary/v1": closed(
        {
            "verifier": closed({"id": URI}, version=VERSIONS),
            "timeVerified": TIME,
            "resourceUri": URI,
            "policy": {**RESOURCE, "required": ["uri"]},
            "verificationResult": {"enum": ["PASSED", "FAILED"]},
            "verifiedLevels": {
                "type": "array",
                "minItems": 1,
                "items": {"not": {"pattern": "^SLSA_"}},
            },
        },
        inputAttestations={"type": "array", "items": {**RESOURCE, "required": ["digest"]}},
        dependencyLevels={"type": "object"},
        slsaVersion={"type": "string", "pattern": r"^[0-9]+\.[0-9]+$"},
    ),
    "https://in-toto.io/attestation/svr/v0.1": closed(
        {
            "verifier": closed({"id": URI}, version=VERSIONS, policy=RESOURCE),
            "timeCreated": TIME,
            "properties": {"type": "array", "items": {"type": "string"}},
        }
    ),
}
STATEMENT = closed(
    {
        "_type": {"const": "https://in-toto.io/Statement/v1"},
        "subject": {"type": "array", "minItems": 1, "items": {**RESOURCE, "required": ["digest"]}},
        "predicateType": {"enum": list(PREDICATES)},
        "predicate": {"type": "object"},
    }
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    publish(scene, 0.01)
    new_key(tmp_path / "verifier")
    return scene


def publish(scene: Scene, worse: float) -> None:
    files = documents(case(worse=worse))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))


def run(scene: Scene, *more: str, policy: bool = True) -> int:
    ask = scene.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0])]
    words += ["--policy", str(ask.policy)] if policy else []
    words += ["--summary", str(scene.root / "summary.json")]
    return main([*words, "--summary-key", str(scene.root / "verifier"), *more])


def written(scene: Scene) -> tuple[dict[str, Any], dict[str, Any]]:
    """Subject and predicate, once signature and schemas hold."""
    bundle = parse_bundle((scene.root / "summary.json").read_bytes())
    verify_signature(bundle, [load_public(scene.root / "verifier.pub")])
    statement = json.loads(bundle.payload)
    Draft202012Validator(STATEMENT).validate(statement)
    Draft202012Validator(PREDICATES[statement["predicateType"]]).validate(statement["predicate"])
    kind = "vsa" if "slsa" in statement["predicateType"] else "svr"
    Draft202012Validator(schema(f"summary-{kind}")).validate(statement)
    return statement["subject"][0], statement["predicate"]


def test_a_pass_is_passed(scene: Scene) -> None:
    assert run(scene, "--subject", str(scene.root / "subject")) == 0
    subject, vsa = written(scene)
    result = scene.verify()
    assert result.bar is not None
    assert f"sha256:{subject['digest']['sha256']}" == result.subject
    assert (vsa["verificationResult"], vsa["verifiedLevels"]) == ("PASSED", ["INVARLOCK_JUDGED"])
    assert f"sha256:{vsa['policy']['digest']['sha256']}" == result.bar.digest
    bundle = hashlib.sha256(scene.request.bundle.read_bytes()).hexdigest()
    assert vsa["inputAttestations"][0]["digest"]["sha256"] == bundle
    assert vsa["resourceUri"].startswith("ni:///sha-256;")


def test_an_svr_lists_what_passed(scene: Scene) -> None:
    digest = str(scene.verify().subject)
    more = ("--summary-type", "svr", "--verifier-id", "https://example.com/gate/v3")
    assert run(scene, "--subject-digest", digest, *more) == 0
    _, svr = written(scene)
    assert svr["verifier"]["id"] == "https://example.com/gate/v3"
    assert svr["properties"] == ["INVARLOCK_SIGNED", "INVARLOCK_BOUND", "INVARLOCK_JUDGED"]


@pytest.mark.parametrize("kind", ["vsa", "svr"])
@pytest.mark.parametrize(
    ("case_of", "exits", "outcome"),
    [
        ("missed", 1, "fail"),
        ("forged", 4, "refused"),
        ("stranger", 4, "refused"),
        ("no bar", 3, "no-bar"),
        ("half", 3, "lacking"),
        ("other model", 4, "refused"),
        ("low level", 3, "no-bar"),
    ],
)
def test_anything_else_is_failed(
    scene: Scene, kind: str, case_of: str, exits: int, outcome: str
) -> None:
    subject = scene.root / "subject"
    policy, more = True, ["--summary-type", kind]
    match case_of:
        case "missed":
            publish(scene, 0.4)
        case "forged":
            report = scene.root / "run" / "evaluation.report.json"
            report.write_bytes(report.read_bytes().replace(b'"edit"', b'"edits"'))
        case "stranger":
            new_key(scene.root / "other")
            (scene.root / "key.pub").write_bytes((scene.root / "other.pub").read_bytes())
        case "no bar":
            policy = False
        case "half":
            (scene.root / "run" / "evidence" / "windows.u32").unlink()
        case "other model":
            (subject / "config.json").write_bytes(b"{} ")
        case "low level":
            policy, more = False, [*more, "--level", "signed"]
    assert run(scene, "--subject", str(subject), *more, policy=policy) == exits
    about, predicate = written(scene)
    from invarlock.artifacts.folder import tree_of

    assert f"sha256:{about['digest']['sha256']}" == tree_of(subject)[0]
    if kind == "vsa":
        assert predicate["verificationResult"] == "FAILED"
        assert predicate["verifiedLevels"] == ["FAILED"]
    else:
        assert predicate["properties"] == []
    detail = predicate["https://invarlock.dev/verification/v1"]
    assert (detail["result"], detail["outcome"]) == ("FAILED", outcome)
    assert "PASSED" not in json.dumps(predicate)


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("exits", [0, 1, 3, 4])
def test_only_exit_0_passes_whatever_else_a_result_says(outcome: Any, exits: int) -> None:
    digest = "sha256:" + "1" * 64
    result = VerificationResult(
        outcome=outcome,
        exit_code=exits,
        asked=Level.JUDGED,
        levels=dict.fromkeys(Level, Status.REACHED),
        signers=(),
        subject=digest,
        origin="measured",
        isolation="sandbox",
        bar=BarUsed(source="policy", name="a#b", digest=digest),
        producer_bar=digest,
        policy_digest=None,
        strictness=None,
        registration=None,
        judged_by="evidence",
        verdict="pass",
        gates=(),
        findings=(),
        limits="",
    )
    said = Circumstances(digest, "m", None, (), "https://example.com/v", 0)
    found = json.loads(summary_bytes("vsa", result, said))["predicate"]["verificationResult"]
    assert found == ("PASSED" if (exits, outcome) == (0, "pass") else "FAILED")


@pytest.mark.parametrize(
    ("words", "exits", "told"),
    [
        (["--summary", "{new}"], 2, "no key to sign the summary with"),
        (["--summary-type", "svr"], 2, "--summary-type without --summary"),
        (["--summary", "{new}", "--summary-key", "{verifier}"], 2, "about a model"),
        (["--summary", "{bar}", "--summary-key", "{verifier}", "--subject", "{s}"], 2, "E702"),
        (["--summary", "{new}", "--summary-key", "{none}", "--subject", "{s}"], 6, "E601"),
        (
            [
                *["--summary", "{new}", "--summary-key", "{verifier}", "--subject", "{s}"],
                "--verifier-id",
                "me",
            ],
            2,
            "is no URI",
        ),
    ],
)
def test_what_cannot_be_written_is_said_before(
    scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str], exits: int, told: str
) -> None:
    names = {
        "new": scene.root / "summary.json",
        "none": scene.root / "none",
        "bar": scene.root / "bar.invar",
        "verifier": scene.root / "verifier",
        "s": scene.root / "subject",
    }
    ask = scene.request
    words = [word.format(**names) for word in words]
    assert main(["verify", str(ask.bundle), "--key", str(ask.keys[0]), *words]) == exits
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""
    assert not (scene.root / "summary.json").exists()
