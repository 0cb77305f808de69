"""Compile, measure, judge, attest, verify: through the public command, on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import run_invarlock
from tests.e2e.conftest import Bench
from tests.measure.tiny import edited

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def run(bench: Bench) -> Path:
    out = bench.folder / "run"
    done = bench.evaluate(out)
    assert done.returncode == 0, done.stderr
    return out


def verify(bench: Bench, run: Path, subject: Path) -> int:
    key = bench.folder / "key"
    assert run_invarlock("attest", run, "--key", key).returncode == 0
    return run_invarlock(
        "verify", run / "attestation.sigstore.json", "--key", f"{key}.pub",
        "--policy", f"{bench.policy}#balanced+dev", "--subject", subject,
        "--baseline", bench.baseline, "--data", bench.data,
    ).returncode  # fmt: skip


def test_a_good_edit_passes_and_verifies(bench: Bench, run: Path) -> None:
    assert verify(bench, run, bench.subject) == 0


def test_another_model_is_not_the_one_attested(bench: Bench, run: Path) -> None:
    assert verify(bench, run, bench.baseline) == 4


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
    done = bench.evaluate(tmp_path / "run", subject=subject)
    assert done.returncode == 1, done.stderr
    manifest = json.loads((tmp_path / "run" / "runtime.manifest.json").read_text())
    assert manifest["arms"]["baseline"]["reused"] is True
    assert manifest["arms"]["subject"]["reused"] is False
    kept, fresh = (
        json.loads((folder / "evaluation.report.json").read_text())["provider_digest"]
        for folder in (run, tmp_path / "run")
    )
    assert kept == fresh
    assert verify(bench, tmp_path / "run", subject) == 1


def test_identical_weights_rest_at_the_null_whether_kept_or_fresh(
    bench: Bench, run: Path, tmp_path: Path
) -> None:
    for name, extra in (("kept", ()), ("fresh", ("--no-cache",))):
        done = bench.evaluate(tmp_path / name, *extra, subject=bench.baseline)
        assert done.returncode == 0, done.stderr
        report = json.loads((tmp_path / name / "evaluation.report.json").read_text())
        gates = {gate["id"]: gate for gate in report["gates"]}
        assert gates["perplexity.ratio"]["observed"] == "1"
        assert gates["perplexity.ratio"]["interval"] == ["1", "1"]
        assert gates["spectral.shift"]["observed"] == "0"


def test_host_mode_is_by_name_recorded_and_refused_by_a_bar(bench: Bench, tmp_path: Path) -> None:
    done = bench.evaluate(tmp_path / "host", "--execution-mode", "host")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "host" / "evaluation.report.json").read_text())
    assert report["runtime"]["isolation"] == "host"

    strict = tmp_path / "strict.invar"
    strict.write_text(bench.policy.read_text().replace("{sandbox, host}", "{sandbox}"))
    done = bench.evaluate(tmp_path / "strict", "--execution-mode", "host", policy=strict)
    assert done.returncode == 1
    assert "runtime.isolation" in done.stdout


def test_above_the_memory_budget_files_are_hashed_twice(bench: Bench, tmp_path: Path) -> None:
    done = bench.evaluate(tmp_path / "run", "--memory-budget", "1KiB", "--no-cache")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "run" / "runtime.manifest.json").read_text())
    assert manifest["arms"]["subject"]["bytes_binding"] == "verified-twice"


def test_json_output_is_the_report(bench: Bench, tmp_path: Path) -> None:
    done = bench.evaluate(tmp_path / "run", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["version"] == "invarlock.report/1"


def test_no_secret_of_the_environment_enters_a_run(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-4f1c0a")
    done = bench.evaluate(tmp_path / "run", "--no-cache")
    assert done.returncode == 0, done.stderr
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file():
            assert b"canary-4f1c0a" not in path.read_bytes()
            assert b"AWS_SECRET_ACCESS_KEY" not in path.read_bytes()
