"""`advanced calibrate` end to end on a tiny model: policy, runs behind it, what it is worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from invarlock.evaluate.null_runs import edits_of
from invarlock.policy import load_policy
from tests.conftest import run_invarlock
from tests.measure.tiny import edited, make_model, prose, write_data

pytestmark = pytest.mark.sandbox

POLICY = """\
invar 1
policy tiny "1"
task = causal_lm
windows { length = 16 tokens }
estimate { seed = 11 }
require runtime.isolation in {sandbox}
require windows.preview >= 8
require windows.final >= 24
tier balanced {
  require perplexity.ratio <= 1.10
  require perplexity.drift in [0.9, 1.1]
  require kl.mean <= 0.000000001 nats
  warn spectral.shift <= 0.10 nats
  require invariants.non_finite == 0
}
"""
RUNS = 3


@dataclass(frozen=True)
class Place:
    folder: Path
    policy: Path
    baseline: Path
    data: Path

    def calibrate(self, *extra: object, out: str = "out") -> CompletedProcess[str]:
        return run_invarlock(
            "advanced", "calibrate", "--policy", self.policy, "--baseline", self.baseline,
            "--data", self.data, "--out", self.folder / out, *extra,
        )  # fmt: skip

    def evaluate(self, subject: Path, out: str) -> dict[str, Any]:
        done = run_invarlock(
            "evaluate", "--policy", self.folder / "out" / "proposed.invar",
            "--baseline", self.baseline, "--subject", subject, "--data", self.data,
            "--out", self.folder / out, "--cache", self.folder / "cache", "--format", "json",
        )  # fmt: skip
        assert done.returncode in {0, 1}, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "tiny.invar").write_text(POLICY)
    data = write_data(folder / "data.jsonl", prose())
    return Place(folder, folder / "tiny.invar", make_model(folder / "baseline"), data)


@pytest.fixture(scope="module")
def calibration(place: Place) -> dict[str, Any]:
    done = place.calibrate("--false-alarm", "25%", "--runs", RUNS)
    assert done.returncode == 0, done.stderr
    assert "3 null runs, 5 gates calibrated; 1 of them were missed" in done.stdout
    found: dict[str, Any] = json.loads((place.folder / "out" / "calibration.json").read_text())
    return found


def test_the_runs_behind_it_are_told(calibration: dict[str, Any]) -> None:
    runs = calibration["runs"]
    drawn = [(edit.kind, edit.seed) for edit in edits_of(RUNS, 1)]
    assert [(run["edit"], run["seed"]) for run in runs] == drawn
    assert len({run["windows"] for run in runs}) == len({run["evidence"] for run in runs}) == RUNS
    kl = {value["point"] for run in runs for value in run["values"]
          if value["measure"] == "kl.mean" and value["on"] == "all"}  # fmt: skip
    assert len(kl) == RUNS
    assert calibration["false_alarm"] == {"each": "25%", "together_at_most": "100%"}
    bounds = {bound["id"]: bound for bound in calibration["bounds"]}
    assert bounds["kl.mean"]["bar_missed_by"] > 0
    assert bounds["perplexity.ratio"]["bar_missed_by"] == 0


def test_edits_are_drawn_each_by_itself() -> None:
    many = list(edits_of(300, 5))
    assert list(edits_of(20, 5)) == many[:20]
    assert len({edit.seed for edit in many}) == 300
    kinds = [edit.kind for edit in many]
    assert all(70 < kinds.count(kind) < 130 for kind in ("cast", "noise", "reorder"))


def test_the_policy_compiles_to_the_bar_that_is_named(
    place: Place, calibration: dict[str, Any]
) -> None:
    compiled = load_policy(place.folder / "out" / "proposed.invar")
    bar = compiled.ir.bars["calibrated"]
    assert bar.digest == calibration["proposed"]["bar_digest"]
    assert bar.settings["windows.length"] == "16"
    assert bar.settings["estimate.seed"] == "11"
    assert not compiled.warnings
    done = run_invarlock("policy", "fmt", "--check", place.folder / "out" / "proposed.invar")
    assert done.returncode == 0, done.stderr


def test_a_cast_passes_and_a_bad_edit_fails(place: Place, calibration: dict[str, Any]) -> None:
    assert calibration

    def cast(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
        for array in list(tensors.values())[::4]:
            array[...] = array.astype(np.float16).astype(np.float32)

    def bad(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
        for array in tensors.values():
            if array.ndim > 1:
                np.multiply(array, np.float32(1.02), out=array)

    fine = place.evaluate(edited(place.baseline, place.folder / "cast", cast), "fine")
    assert fine["verdict"] == "pass"
    poor = place.evaluate(edited(place.baseline, place.folder / "bad", bad), "poor")
    assert poor["verdict"] == "fail"
    failed = {gate["id"] for gate in poor["gates"] if gate["verdict"] == "fail"}
    assert {"kl.mean", "spectral.shift"} <= failed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--false-alarm", "1%", "--runs", "19"), "make 99 runs, or ask for 5% or more"),
        (("--false-alarm", "0%"), "is not a share above 0% and below 100%"),
        (("--false-alarm", "one"), "is not a share above 0% and below 100%"),
    ],
)
def test_what_runs_cannot_show_is_refused(place: Place, words: tuple[str, ...], told: str) -> None:
    done = place.calibrate(*words, out="refused")
    assert done.returncode == 2
    assert told in done.stderr
    assert not (place.folder / "refused").exists()
