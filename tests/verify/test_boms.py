"""A signer who lies in a bill of materials is refused; a run without bills claims none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from invarlock.bom.document import MLBOM_FILE, SBOM_FILE
from invarlock.bom.environment import Installed
from invarlock.canonical import canonical_bytes
from invarlock.verify.result import VerificationResult
from tests.verify.runs import (
    INSTALLED,
    Documents,
    Scene,
    case,
    documents,
    make_scene,
    report_of,
    signed,
    with_boms,
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("boms"))


@pytest.fixture(scope="module")
def honest() -> Documents:
    return documents(case())


def published(scene: Scene, files: Documents) -> VerificationResult:
    """What a signer of these files gets, whose report and digests fit."""
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene.verify()


def subject(bom: Any) -> Any:
    return bom["metadata"]["component"]


def metric(bom: Any) -> Any:
    found = subject(bom)["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    return next(one for one in found if one["type"] == "perplexity.ratio")


def of_name(bom: Any, name: str) -> Any:
    return next(one for one in bom["components"] if one["name"] == name)


def verdict(bom: Any) -> Any:
    found = subject(bom)["modelCard"]["properties"]
    return next(one for one in found if one["name"] == "invarlock:verdict")


LIES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "another subject": (MLBOM_FILE, lambda b: subject(b)["hashes"][0].update(content="5" * 64)),
    "another file": (
        MLBOM_FILE,
        lambda b: subject(b)["components"][1]["hashes"][0].update(content="5" * 64),
    ),
    "a file less": (MLBOM_FILE, lambda b: subject(b)["components"].pop()),
    "another baseline": (
        MLBOM_FILE,
        lambda b: of_name(b, "base")["hashes"][0].update(content="5" * 64),
    ),
    "no baseline": (MLBOM_FILE, lambda b: b["components"].remove(of_name(b, "base"))),
    "other data": (
        MLBOM_FILE,
        lambda b: of_name(b, "data.jsonl")["hashes"][0].update(content="5" * 64),
    ),
    "a better metric": (MLBOM_FILE, lambda b: metric(b).update(value="1")),
    "a narrower interval": (
        MLBOM_FILE,
        lambda b: metric(b)["confidenceInterval"].update(upperBound="1"),
    ),
    "a metric that nobody judged": (
        MLBOM_FILE,
        lambda b: subject(b)["modelCard"]["quantitativeAnalysis"]["performanceMetrics"].append(
            {"type": "mmlu", "value": "0.99"}
        ),
    ),
    "another verdict": (MLBOM_FILE, lambda b: verdict(b).update(value="fail")),
    "another attestation": (
        MLBOM_FILE,
        lambda b: subject(b)["externalReferences"][0].update(url="https://example.org/"),
    ),
    "another serial number": (
        MLBOM_FILE,
        lambda b: b.update(serialNumber="urn:uuid:00000000-0000-5000-8000-000000000000"),
    ),
    "another time": (
        MLBOM_FILE,
        lambda b: b["metadata"].update(timestamp="2020-01-01T00:00:00Z"),
    ),
    "a package of another version": (SBOM_FILE, lambda b: of_name(b, "numpy").update(version="1")),
    "a package less": (SBOM_FILE, lambda b: b["components"].remove(of_name(b, "numpy"))),
    "another kernel": (SBOM_FILE, lambda b: of_name(b, "linux").update(version="9")),
    "another sandbox": (
        SBOM_FILE,
        lambda b: of_name(b, "bubblewrap")["hashes"][0].update(content="5" * 64),
    ),
    "a field that is unknown": (SBOM_FILE, lambda b: b.update(reviewed="yes")),
}


@pytest.mark.parametrize("name", LIES)
def test_a_bill_that_says_something_else_is_refused(
    scene: Scene, honest: Documents, name: str
) -> None:
    file, lie = LIES[name]
    bom = json.loads(honest[file])
    lie(bom)
    result = published(scene, {**honest, file: canonical_bytes(bom)})
    assert result.outcome == "refused"
    found = [f for f in result.findings if f.what.startswith(file)]
    assert found
    assert {(f.level, f.code) for f in found} == {("judged", "E404")}


MANGLED = {
    "another version": b'{"specVersion":"1.5"}',
    "no object": b"[]",
    "no JSON": b"{",
    "a key twice": b'{"specVersion":"1.6","specVersion":"1.7"}',
}


@pytest.mark.parametrize("file", [MLBOM_FILE, SBOM_FILE])
@pytest.mark.parametrize("name", MANGLED)
def test_a_mangled_bill_is_refused(scene: Scene, honest: Documents, name: str, file: str) -> None:
    result = published(scene, {**honest, file: MANGLED[name]})
    assert "E405" in {f.code for f in result.findings if f"`{file}`" in f.what}


def test_a_bill_has_one_spelling(scene: Scene, honest: Documents) -> None:
    spaced = json.dumps(json.loads(honest[MLBOM_FILE]), indent=1).encode()
    (finding,) = published(scene, {**honest, MLBOM_FILE: spaced}).findings
    assert (finding.code, finding.what) == ("E405", f"`{MLBOM_FILE}` is not in canonical form")


def test_honest_bills_pass_in_both_versions_and_stand_in_the_statement(
    scene: Scene, honest: Documents
) -> None:
    for files in (honest, with_boms(honest, version="1.7")):
        result = published(scene, files)
        assert (result.outcome, result.findings) == ("pass", ())


def test_what_is_installed_is_the_hosts_word(scene: Scene, honest: Documents) -> None:
    more = replace(INSTALLED, installed=(Installed("idna", "3.7", None), *INSTALLED.installed))
    files = with_boms(honest, environment=more)
    assert files[SBOM_FILE] != honest[SBOM_FILE]
    assert published(scene, files).outcome == "pass"


@pytest.mark.parametrize("file", [MLBOM_FILE, SBOM_FILE])
def test_a_changed_bill_is_not_the_one_signed(scene: Scene, honest: Documents, file: str) -> None:
    published(scene, honest)
    path = scene.root / "run" / file
    path.write_bytes(honest[file] + b"\n")
    found = {(f.level, f.code) for f in scene.verify().findings}
    assert ("bound", "E403") in found
    path.unlink()
    result = scene.verify()
    assert (result.outcome, {f.code for f in result.findings}) == ("lacking", {"E409"})


def test_a_run_without_bills_claims_none(scene: Scene, honest: Documents) -> None:
    bare = {name: data for name, data in honest.items() if name not in {MLBOM_FILE, SBOM_FILE}}
    report = report_of(bare).encode()
    assert json.loads(signed(report))["predicate"]["bom"] == {"mlbom": None, "sbom": None}
    assert published(scene, bare).outcome == "pass"


def test_verifying_needs_no_library(
    scene: Scene, honest: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [m for m in sys.modules if m.split(".")[0] == "cyclonedx"] or ["cyclonedx"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert published(scene, honest).outcome == "pass"
