"""Compile, measure, judge, attest, verify: through the public command, on a tiny model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.conftest import run_invarlock
from tests.e2e.conftest import CANARY, Bench, Finished
from tests.measure.tiny import edited, make_model

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("e2e")]  # one set of runs for all


def verify(
    bench: Bench, run: Path, subject: Path, policy: Path | None = None
) -> CompletedProcess[str]:
    key = bench.folder / "key"
    assert run_invarlock("attest", run, "--key", key).returncode == 0
    return run_invarlock(
        "verify", run / "attestation.sigstore.json", "--key", f"{key}.pub",
        "--policy", f"{policy or bench.policy}#balanced+dev", "--subject", subject,
        "--baseline", bench.baseline, "--data", bench.data,
    )  # fmt: skip


def test_a_good_edit_passes_and_verifies(bench: Bench, run: Path) -> None:
    assert verify(bench, run, bench.subject).returncode == 0


def strictly_valid(run: Path, version: str) -> dict[str, Any]:
    """The bills of materials of a run, by name, once their own library accepts them."""
    found = {}
    for name in ("mlbom.cdx.json", "sbom.cdx.json"):
        text = (run / name).read_text()
        validator = JsonStrictValidator(SchemaVersion.from_version(version))
        assert validator.validate_str(text) is None
        found[name] = json.loads(text)
        assert found[name]["specVersion"] == version
    return found


def test_its_bills_of_materials_say_what_was_judged_and_what_ran(run: Path) -> None:
    bills = strictly_valid(run, "1.6")
    report = json.loads((run / "evaluation.report.json").read_text())
    subject = bills["mlbom.cdx.json"]["metadata"]["component"]
    assert f"sha256:{subject['hashes'][0]['content']}" == report["subject"]["digest"]
    metrics = subject["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert "perplexity.ratio" in {metric["type"] for metric in metrics}
    ran = {one["name"]: one.get("version") for one in bills["sbom.cdx.json"]["components"]}
    assert ran["torch"] == report["packages"]["torch"]
    assert {"bubblewrap", "linux", "numpy", "transformers"} <= ran.keys()
    listed = {file["path"] for file in report["files"]}
    assert bills.keys() <= listed


def test_another_model_is_not_the_one_attested(bench: Bench, run: Path) -> None:
    assert verify(bench, run, bench.baseline).returncode == 4


def test_the_report_says_what_was_observed(run: Path) -> None:
    report = json.loads((run / "evaluation.report.json").read_text())
    assert report["verdict"] == "pass"
    assert report["runtime"]["isolation"] == "sandbox"
    assert report["window_match_fraction"] == "1"
    assert (run / "report.html").read_text().startswith("<!doctype html>")


def test_a_second_subject_costs_one_arm(bench: Bench, run: Path, tmp_path: Path) -> None:
    def ruin(tensors: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]  # any dtype
        tensors["model.layers.0.mlp.down_proj.weight"] *= 4

    subject = edited(bench.baseline, tmp_path / "ruined", ruin)
    done = bench.evaluate(tmp_path / "run", "--bom-version", "1.7", subject=subject)
    assert done.returncode == 1, done.stderr
    assert strictly_valid(tmp_path / "run", "1.7")
    manifest = json.loads((tmp_path / "run" / "runtime.manifest.json").read_text())
    assert manifest["arms"]["baseline"][0]["reused"] is True
    assert manifest["arms"]["subject"][0]["reused"] is False
    kept, fresh = (
        json.loads((folder / "evaluation.report.json").read_text())["provider_digest"]
        for folder in (run, tmp_path / "run")
    )
    assert kept == fresh
    assert verify(bench, tmp_path / "run", subject).returncode == 1


@pytest.fixture(scope="module")
def fresh(bench: Bench) -> Path:
    """A model against itself, nothing kept, with no memory to spare for sealed copies."""
    out, wide = bench.folder / "fresh", make_model(bench.folder / "wide", intermediate_size=4096)
    models = {"baseline": wide, "subject": wide}
    done = bench.evaluate(out, "--no-cache", "--memory-budget", "1KiB", **models)
    assert done.returncode == 6
    needed = re.search(r"E609\] the run needs about (\d+)\.\d MiB of memory", done.stderr)
    assert needed, done.stderr
    assert not out.exists()
    done = bench.evaluate(
        out, "--no-cache", "--memory-budget", f"{int(needed[1]) + 1}MiB", **models
    )
    assert done.returncode == 0, done.stderr
    return out


def test_identical_weights_rest_at_the_null_whether_kept_or_fresh(
    bench: Bench, run: Path, fresh: Path, tmp_path: Path
) -> None:
    done = bench.evaluate(tmp_path / "kept", subject=bench.baseline)
    assert done.returncode == 0, done.stderr
    for folder, reused in ((tmp_path / "kept", True), (fresh, False)):
        manifest = json.loads((folder / "runtime.manifest.json").read_text())
        assert manifest["arms"]["baseline"][0]["reused"] is reused
        report = json.loads((folder / "evaluation.report.json").read_text())
        gates = {gate["id"]: gate for gate in report["gates"]}
        assert gates["perplexity.ratio"]["observed"] == "1"
        assert gates["perplexity.ratio"]["interval"] == ["1", "1"]
        assert gates["spectral.shift"]["observed"] == "0"


def test_above_the_memory_budget_files_are_hashed_twice(run: Path, fresh: Path) -> None:
    for folder, binding in ((fresh, "verified-twice"), (run, "sealed")):
        manifest = json.loads((folder / "runtime.manifest.json").read_text())
        assert manifest["arms"]["subject"][0]["bytes_binding"] == binding


def parts_of(run: Path) -> dict[str, str]:
    """The digests of the parts of a run's evidence, without the times that its guards took."""
    parts: dict[str, str] = json.loads((run / "evidence" / "evidence.json").read_text())["parts"]
    assert parts.pop("overhead.json")
    return parts


def test_host_mode_is_by_name_recorded_and_refused_by_a_bar(
    bench: Bench, run: Path, tmp_path: Path
) -> None:
    host = tmp_path / "host"
    done = bench.evaluate(host, "--execution-mode", "host")
    assert done.returncode == 0, done.stderr
    report = json.loads((host / "evaluation.report.json").read_text())
    assert report["runtime"]["isolation"] == "host"
    assert parts_of(host) == parts_of(run)  # a boundary changes no number

    strict = tmp_path / "strict.invar"
    strict.write_text(bench.policy.read_text().replace("{sandbox, host}", "{sandbox}"))
    assert verify(bench, host, bench.subject).returncode == 0
    done = verify(bench, host, bench.subject, strict)
    assert done.returncode == 1, done.stdout
    assert "fail         require runtime.isolation in {sandbox}: host" in done.stdout


def test_json_output_is_the_report(finished: Finished) -> None:
    report = json.loads(finished.stdout)
    assert report["version"] == "invarlock.report/1"
    assert report == json.loads((finished.folder / "evaluation.report.json").read_text())


def test_no_secret_of_the_environment_enters_a_run(run: Path) -> None:
    files = [path for path in run.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        for name, value in CANARY.items():
            assert name.encode() not in path.read_bytes()
            assert value.encode() not in path.read_bytes()
