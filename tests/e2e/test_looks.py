"""A run that stops at an early look: evaluate, attest, verify, by the public command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import run_invarlock
from tests.e2e.conftest import POLICY, Bench

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("e2e")]

LOOKS = POLICY.replace(
    "windows { length = 16 tokens }",
    "windows { length = 16 tokens }\n"
    "estimate { looks = 3; spending = obrien_fleming; minimum = 8 }",
).replace("windows.final >= 40", "windows.final >= 96")


def test_a_run_that_stopped_early_is_attested_and_verifies(bench: Bench, tmp_path: Path) -> None:
    policy, out, key = tmp_path / "looks.invar", tmp_path / "run", tmp_path / "key"
    policy.write_text(LOOKS)
    done = bench.evaluate(out, policy=policy)
    assert done.returncode == 0, done.stderr
    assert "plan: judged after 32, 64, 96 final windows" in done.stderr
    assert "look 1 of 3: pass, decided" in done.stderr
    assert "Look 1 of 3, at 32 of 96 final windows." in done.stdout
    report = json.loads((out / "evaluation.report.json").read_text())
    assert report["look"] == {"reached": 1, "of": 3, "final": 32, "planned": 96}
    assert len(json.loads((out / "evidence" / "windows.json").read_text())) == 32

    assert run_invarlock("attest", out, "--key", key).returncode == 0
    checked = run_invarlock(
        "verify", out / "attestation.sigstore.json", "--key", f"{key}.pub",
        "--policy", f"{policy}#balanced+dev", "--subject", bench.subject,
        "--baseline", bench.baseline, "--data", bench.data,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout
