"""A tiny pair of models, their data and a policy: the whole path in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

import numpy as np
import pytest

from tests.conftest import run_invarlock
from tests.measure.tiny import edited, make_model, prose, write_data

CANARY: Final = {"AWS_SECRET_ACCESS_KEY": "canary-4f1c0a"}
"""In the environment of :func:`finished`'s evaluation, and to be found nowhere in its run."""

POLICY = """\
invar 1
policy tiny "1"
task = causal_lm
windows { length = 16 tokens }
require runtime.isolation in {sandbox, host}
require invariants.non_finite == 0
require invariants.structure == 0
require windows.match == 100%
tier balanced {
  require perplexity.ratio <= 1.10
  require spectral.shift <= 0.10 nats
}
profile dev {
  require windows.preview >= 6
  require windows.final >= 40
}
"""


@dataclass(frozen=True)
class Bench:
    """Everything an evaluation needs, and the command line to run one."""

    folder: Path
    policy: Path
    baseline: Path
    subject: Path
    data: Path

    def evaluate(self, out: Path, *extra: object, **changes: Path) -> CompletedProcess[str]:
        """``invarlock evaluate`` with these paths, or others by keyword."""
        given = {"baseline": self.baseline, "subject": self.subject, "data": self.data, **changes}
        policy = given.pop("policy", self.policy)
        paths = [word for name, path in given.items() for word in (f"--{name}", str(path))]
        return run_invarlock(
            "evaluate", "--policy", f"{policy}#balanced+dev", *paths, "--out", out,
            "--cache", self.folder / "cache", *extra,
        )  # fmt: skip


def nudge(tensors: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]  # any dtype
    for array in tensors.values():
        np.add(array, np.float32(1e-4), out=array)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    policy = folder / "policy.invar"
    policy.write_text(POLICY)
    baseline = make_model(folder / "baseline")
    subject = edited(baseline, folder / "subject", nudge)
    return Bench(folder, policy, baseline, subject, write_data(folder / "data.jsonl", prose()))


@dataclass(frozen=True)
class Finished:
    """A run, and what the command that made it wrote to stdout."""

    folder: Path
    stdout: str


@pytest.fixture(scope="session")
def finished(bench: Bench) -> Finished:
    """One evaluation in the sandbox, for all tests that look at what it left."""
    out = bench.folder / "run"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CANARY.items():
            patch.setenv(name, value)
        done = bench.evaluate(out, "--format", "json")
    assert done.returncode == 0, done.stderr
    return Finished(out, done.stdout)


@pytest.fixture(scope="session")
def run(finished: Finished) -> Path:
    """The folder of that evaluation."""
    return finished.folder
