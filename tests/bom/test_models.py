"""The bill of models: valid in both versions, a function of the report, and of nothing else."""

import json
from typing import Any, get_args

import pytest

from invarlock.bom.document import Version
from invarlock.bom.models import mlbom_of
from invarlock.bom.validate import validated
from invarlock.canonical import digest_bytes
from invarlock.errors import InternalFault
from invarlock.judge.records import Report
from invarlock.judge.report import build_report
from tests.builders import SUBJECT_FILES as FILES
from tests.builders import Synthetic, report_inputs, root_of

VERSIONS = get_args(Version)
SBOM = digest_bytes(b"sbom")


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(report_inputs(Synthetic().edited()))


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_strictly_valid(report: Report, version: Version) -> None:
    document = mlbom_of(report, version, SBOM)
    assert json.loads(validated(document, version))["specVersion"] == version


@pytest.mark.parametrize("version", VERSIONS)
def test_the_validation_is_strict(report: Report, version: Version) -> None:
    document: Any = mlbom_of(report, version, SBOM)
    document["metadata"]["component"]["modelCard"]["passed"] = "yes"
    with pytest.raises(InternalFault, match="not valid"):
        validated(document, version)


def test_it_names_models_files_tokenizer_and_data(report: Report) -> None:
    document: Any = mlbom_of(report, "1.6", SBOM)
    subject = document["metadata"]["component"]
    assert subject["hashes"][0]["content"] == root_of(FILES).removeprefix("sha256:")
    assert [one["name"] for one in subject["components"]] == [file.path for file in FILES]
    assert {"name": "invarlock:digest.oms", "value": report.subject.oms} in subject["properties"]
    kinds = {one["bom-ref"]: one["type"] for one in document["components"]}
    assert kinds == {"baseline": "machine-learning-model", "data": "data", "tokenizer": "data"}
    (needs,) = (one for one in document["dependencies"] if one["ref"] == "tokenizer")
    assert needs["dependsOn"] == ["subject/tokenizer.json"]
    urls = {one["type"]: one["url"] for one in subject["externalReferences"]}
    assert urls["attestation"] == "attestation.sigstore.json"


def test_metrics_are_what_was_judged(report: Report) -> None:
    document: Any = mlbom_of(report, "1.6", SBOM)
    card = document["metadata"]["component"]["modelCard"]
    metrics = {
        (one["type"], one.get("slice")): one
        for one in card["quantitativeAnalysis"]["performanceMetrics"]
    }
    gates = {gate.id: gate for gate in report.gates}
    whole, prose = gates["perplexity.ratio"], gates['perplexity.ratio on "prose"']
    assert metrics["perplexity.ratio", None]["value"] == whole.observed
    found = metrics["perplexity.ratio", "prose"]["confidenceInterval"]
    assert prose.interval == (found["lowerBound"], found["upperBound"])
    assert ("runtime.isolation", None) not in metrics
    said = {one["name"]: one["value"] for one in card["properties"]}
    assert said["invarlock:verdict"] == report.verdict
    assert said["invarlock:gate:require perplexity.ratio"] == f"{whole.bound}: {whole.verdict}"


def test_it_depends_on_nothing_that_lists_it(report: Report) -> None:
    listed = report.model_copy(update={"files": ()})
    assert mlbom_of(listed, "1.6", SBOM) == mlbom_of(report, "1.6", SBOM)


def test_its_serial_number_follows_from_its_content(report: Report) -> None:
    again = mlbom_of(report, "1.6", SBOM)["serialNumber"]
    assert again == mlbom_of(report, "1.6", SBOM)["serialNumber"]
    later = report.model_copy(update={"created": "2026-01-02T03:04:06Z"})
    assert again != mlbom_of(later, "1.6", SBOM)["serialNumber"]


def test_a_run_without_a_baseline_names_none(report: Report) -> None:
    alone = report.model_copy(update={"baseline": None})
    document: Any = mlbom_of(alone, "1.6", None)
    assert "baseline" not in {one["bom-ref"] for one in document["components"]}
    validated(document, "1.6")
