"""`make demo` on the real model, from its own output folder: exit codes, verdicts, the forgery."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, run_invarlock

pytestmark = [pytest.mark.real_model, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [sys.executable, "scripts/demo.py", "--out", str(out)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    return out, done.stdout


def report_of(out: Path, name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(
        (out / "runs" / name / "evaluation.report.json").read_text()
    )
    return report


def test_careful_passes_and_careless_fails(demo: tuple[Path, str]) -> None:
    out, _ = demo
    careful, careless = report_of(out, "careful"), report_of(out, "careless")
    assert careful["verdict"] == "pass"
    assert careless["verdict"] == "fail"
    assert careful["runtime"]["isolation"] == careless["runtime"]["isolation"] == "sandbox"
    assert careful["provider_digest"] == careless["provider_digest"]
    gates = [{g["id"]: g["verdict"] for g in report["gates"]} for report in (careful, careless)]
    for measure in ("perplexity.ratio", "variance.shift"):
        assert [found[measure] for found in gates] == ["pass", "fail"]
    assert [found["overhead.metric"] for found in gates] == ["pass", "pass"]


def test_the_sly_one_passes_on_average_and_turns_a_row(demo: tuple[Path, str]) -> None:
    out, _ = demo
    sly = report_of(out, "sly")
    gates = {gate["id"]: gate for gate in sly["gates"]}
    assert sly["verdict"] == "fail"
    assert gates["perplexity.ratio"]["verdict"] == "pass"
    assert (gates["rows.turned"]["verdict"], gates["rows.turned"]["observed"]) == ("fail", "1")


def test_the_forgery_is_refused_and_named(demo: tuple[Path, str]) -> None:
    out, printed = demo
    assert report_of(out, "forged")["verdict"] == "pass"
    key = next((ROOT / ".cache" / "invarlock-demo" / "keys").glob("*.pub"))
    words = ["--key", key, "--policy", out / "consumer" / "causal_lm.invar#balanced+dev"]
    digest = ["--subject-digest", report_of(out, "careless")["subject"]["digest"]]
    for name, code in (("forged", 4), ("careless", 1)):
        bundle = out / "runs" / name / "attestation.sigstore.json"
        done = run_invarlock("verify", bundle, *words, *digest)
        assert done.returncode == code, done.stdout + done.stderr
    assert "perplexity.ratio" in printed


def test_the_one_that_adds_up_passes_judged_and_is_seen_when_evaluated_again(
    demo: tuple[Path, str],
) -> None:
    out, printed = demo
    name = "forged-throughout"
    assert report_of(out, name)["verdict"] == "pass"
    key = next((ROOT / ".cache" / "invarlock-demo" / "keys").glob("*.pub"))
    done = run_invarlock(
        "verify", out / "runs" / name / "attestation.sigstore.json", "--key", key,
        "--policy", out / "consumer" / "causal_lm.invar#balanced+dev",
        "--subject-digest", report_of(out, "careless")["subject"]["digest"],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\[INVARLOCK:E430\] window \d+ .*: the subject's log-loss", printed)
    assert re.search(r"reproduced +failed", printed)


def test_it_says_what_it_cannot_see_and_what_to_open(demo: tuple[Path, str]) -> None:
    _, printed = demo
    assert "how many runs were tried before this one" in printed
    assert "report.html" in printed
