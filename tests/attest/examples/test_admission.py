"""What admission examples decide, on a real evaluation and a real summary of its verification."""

from __future__ import annotations

import base64
import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invarlock.canonical import canonical_bytes
from invarlock.cli import main
from tests.attest.examples.reading import EXAMPLES, PODS, hjson, objects, pods
from tests.verify.runs import BAR, Scene, case, documents, make_scene, report_of, signed

Json = Any
Change = Callable[[Json], None]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A verified run; the summary lies beside it."""
    made = make_scene(tmp_path_factory.mktemp("scene"))
    files = documents(case())
    report = canonical_bytes(report_of(files).model_dump(mode="json"))
    made.publish(files, report, signed(report))
    ask = made.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0]), "--policy", str(ask.policy)]
    words += ["--subject", str(ask.subject), "--baseline", str(ask.baseline)]
    words += ["--data", str(ask.data), "--summary", str(made.root / "summary.sigstore.json")]
    assert main([*words, "--summary-key", str(made.root / "key")]) == 0
    return made


def payload(bundle: Path) -> Json:
    envelope = json.loads(bundle.read_bytes())["dsseEnvelope"]
    return json.loads(base64.b64decode(envelope["payload"]))


@pytest.fixture
def summary(scene: Scene) -> Json:
    return payload(scene.root / "summary.sigstore.json")


@pytest.fixture
def evaluation(scene: Scene) -> Json:
    return payload(scene.request.bundle)


def ask(rego: str, package: str, rule: str, given: Json, data: Json = None) -> Json:
    """The value of a rule. The package is asked for: a rule that is false is no answer alone."""
    question = {"rego": rego, "input": given, "data": data, "query": f"data.{package}"}
    done = subprocess.run(
        [sys.executable, "-c", EVALUATE],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)["expressions"][0][rule]


EVALUATE = """
import json, sys
import regopy
asked = json.load(sys.stdin)
engine = regopy.Interpreter()
engine.add_module("example", asked["rego"])
if asked["data"] is not None:
    engine.add_data(asked["data"])
engine.set_input(asked["input"])
print(engine.query(asked["query"]))
"""
"""In a process of its own: the engine's library and torch's cannot be loaded into one."""


def put(*keys: Any, value: Json = None) -> Change:
    """A change of one field: set to ``value``, or removed."""

    def change(document: Json) -> None:
        *way, last = keys
        for key in way:
            document = document[key]
        if value is None:
            del document[last]
        else:
            document[last] = value

    return change


def changed(document: Json, change: Change) -> Json:
    found = copy.deepcopy(document)
    change(found)
    return found


SUMMARY_CHANGES = [
    put("predicateType", value="https://slsa.dev/provenance/v1"),
    put("predicate", "verificationResult", value="FAILED"),
    put("predicate", "verificationResult"),
    put("predicate", "verifier", "id", value="https://example.org/verifier"),
    put("predicate", "policy", "digest", "sha256", value="0" * 64),
    put("predicate", "policy", "digest"),
    put("predicate"),
]
EVALUATION_CHANGES = [
    put("predicateType", value="https://slsa.dev/provenance/v1"),
    put("predicate", "verdict", value="fail"),
    put("predicate", "origin", value="imported"),
    put("predicate", "runtime", "isolation", value="host"),
    put("predicate", "runtime"),
]


def image_policies() -> dict[str, str]:
    (policy,) = objects(EXAMPLES / "cosign" / "cluster-image-policy.yaml")
    asked = policy["spec"]["authorities"][0]["attestations"]
    return {one["predicateType"]: one["policy"]["data"] for one in asked}


def test_policy_controller_admits_what_passed_under_our_bar(
    summary: Json, evaluation: Json
) -> None:
    bar = summary["predicate"]["policy"]["digest"]["sha256"]
    query = "sigstore", "isCompliant"
    rego = image_policies()[summary["predicateType"]]
    filled = rego.replace("FILL_IN", bar)
    assert ask(filled, *query, summary) is True
    assert ask(rego, *query, summary) is False
    for change in SUMMARY_CHANGES:
        assert ask(filled, *query, changed(summary, change)) is False
    rego = image_policies()[evaluation["predicateType"]]
    assert ask(rego, *query, evaluation) is True
    for change in EVALUATION_CHANGES:
        assert ask(rego, *query, changed(evaluation, change)) is False


def test_opa_denies_what_is_missing_or_wrong(summary: Json) -> None:
    rego = (EXAMPLES / "opa" / "admission.rego").read_text()
    bars = {"bars": {summary["predicate"]["policy"]["digest"]["sha256"]: "gate"}}
    subject = "sha256:" + summary["subject"][0]["digest"]["sha256"]
    given = {"statement": summary, "subject": subject, "not_before": "2000-01-01T00:00:00Z"}
    query = "invarlock.admission"
    assert ask(rego, query, "deny", given, bars) == []
    assert ask(rego, query, "allow", given, bars) is True
    refused = [
        *({**given, "statement": changed(summary, change)} for change in SUMMARY_CHANGES),
        {**given, "statement": changed(summary, put("subject"))},
        {**given, "statement": {**summary, "subject": summary["subject"] * 2}},
        {**given, "subject": "sha256:" + "0" * 64},
        {**given, "not_before": "2999-01-01T00:00:00Z"},
        {"statement": summary, "subject": subject},
        {},
    ]
    for one in refused:
        assert ask(rego, query, "allow", one, bars) is False
        assert ask(rego, query, "deny", one, bars)
    assert ask(rego, query, "allow", given, {"bars": {}}) is False


def gatekeeper(pod: Json) -> list[str]:
    template, constraint = objects(EXAMPLES / "opa" / "gatekeeper.yaml")
    rego = template["spec"]["targets"][0]["code"][0]["source"]["rego"]
    given = {
        "review": {"object": {"kind": "Pod", "spec": pod}},
        "parameters": constraint["spec"]["parameters"],
    }
    rego = rego.replace("package servedmodelverified", "package served\nimport rego.v1")
    return [one["msg"] for one in ask(rego, "served", "violation", given)]


@pytest.mark.parametrize("pod", PODS)
def test_gatekeeper_admits_the_served_models(pod: Json) -> None:
    assert gatekeeper(pod) == []


POD_CHANGES = [
    (put("initContainers"), "nothing verifies"),
    (put("initContainers", 0, "command", 1, value="policy"), "nothing verifies"),
    (put("initContainers", 0, "command", 5, value="--baseline"), "nothing verifies"),
    (put("initContainers", 0, "command", 7, value="--baseline"), "nothing verifies"),
    (put("initContainers", 0, "command", 9, value="--subject-digest"), "nothing verifies"),
    (put("initContainers", 0, "command", 10, value="/models/other"), "nothing verifies"),
    (put("initContainers", 0, "command", value=["sh", "-c", "invarlock verify"]), "nothing"),
    (put("initContainers", 0, "image", value="registry.example/other:latest"), "nothing verifies"),
    (put("initContainers", 0, "restartPolicy", value="Always"), "nothing verifies"),
    (put("initContainers", 0, "args", value=["--help"]), "nothing verifies"),
    (put("containers", 0, "volumeMounts", 0, "readOnly"), "can be written"),
    (put("initContainers", 0, "volumeMounts", 1, "readOnly", value=False), "can be written"),
]


@pytest.mark.parametrize(("change", "why"), POD_CHANGES)
def test_gatekeeper_refuses_a_pod_that_could_serve_another_model(change: Change, why: str) -> None:
    pod = next(pod for _, pod in pods())
    told = gatekeeper(changed(pod, change))
    assert told
    assert all(one.startswith(("nothing", "the model")) for one in told)
    assert any(why in one for one in told)


def look_up(predicate: Json, path: str) -> Json:
    for key in path.split("."):
        predicate = predicate[key]
    return predicate


def test_kyverno_asks_for_fields_that_are_there(summary: Json, evaluation: Json) -> None:
    (policy,) = objects(EXAMPLES / "kyverno" / "cluster-policy.yaml")
    asked = policy["spec"]["rules"][0]["verifyImages"][0]["attestations"]
    statements = {one["predicateType"]: one["predicate"] for one in (summary, evaluation)}
    assert {one["type"] for one in asked} == set(statements)
    for one in asked:
        for condition in one["conditions"][0]["all"]:
            path = condition["key"].strip("{} ")
            found, wanted = look_up(statements[one["type"]], path), condition["value"]
            if wanted == "FILL_IN":
                assert re.fullmatch(r"[0-9a-f]{64}", found)
            else:
                assert found in wanted if isinstance(wanted, list) else found == wanted


def test_ampel_asks_for_fields_that_are_there(summary: Json) -> None:
    policy = hjson(EXAMPLES / "ampel" / "policy.hjson")
    assert policy["predicates"]["types"] == [summary["predicateType"]]
    (tenet,) = policy["tenets"]
    asked = dict(re.findall(r"p\.data\.([\w.]+) == ([\w.']+|'[^']*')", tenet["code"]))
    assert set(asked) == {"verificationResult", "policy.digest.sha256", "verifier.id"}
    for path in asked:
        assert isinstance(look_up(summary["predicate"], path), str)


def test_attach_takes_the_predicates_out_of_the_bundles(
    scene: Scene, summary: Json, evaluation: Json
) -> None:
    script = (EXAMPLES / "cosign" / "attach.sh").read_text()
    lines = [line for line in script.splitlines() if line.startswith("jq ")]
    subprocess.run(["sh", "-euc", "\n".join(lines)], cwd=scene.root, check=True)
    assert json.loads((scene.root / "vsa.json").read_bytes()) == summary["predicate"]
    assert json.loads((scene.root / "evaluation.json").read_bytes()) == evaluation["predicate"]


def test_what_a_registry_gives_back_verifies(scene: Scene, tmp_path: Path) -> None:
    """The tar lines of push.sh and pull.sh, with a copy in the registry's place."""
    push, pull = (
        (EXAMPLES / "registry" / name).read_text().replace("\\\n", " ")
        for name in ("push.sh", "pull.sh")
    )
    (pack,) = (line for line in push.splitlines() if line.startswith("tar "))
    (unpack,) = (line for line in pull.splitlines() if line.startswith("tar "))
    packed = scene.root / "run.tar"
    made = []
    for _ in range(2):
        subprocess.run(["sh", "-euc", pack], cwd=scene.root, check=True)
        made.append(packed.read_bytes())
    assert made[0] == made[1]
    (tmp_path / "run").mkdir()
    (tmp_path / "run.tar").write_bytes(made[0])
    subprocess.run(["sh", "-euc", unpack], cwd=tmp_path, check=True)
    assert not (tmp_path / "run" / "attestation.sigstore.json").exists()
    (tmp_path / "attestation.sigstore.json").write_bytes(scene.request.bundle.read_bytes())
    words = ["verify", str(tmp_path / "attestation.sigstore.json"), "--run", str(tmp_path / "run")]
    words += ["--key", str(scene.root / "key.pub"), "--subject", str(scene.root / "subject")]
    words += ["--policy", f"{scene.root / 'bar.invar'}#{BAR[0]}+{BAR[1]}"]
    assert main(words) == 0
