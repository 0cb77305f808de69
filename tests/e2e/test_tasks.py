"""Every task but causal language models on text, through the public command: measured in the
sandbox, attested, verified."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from tests.conftest import run_invarlock
from tests.e2e.conftest import nudge
from tests.measure.tiny import edited, write_data
from tests.measure.tiny_tasks import lines_of, make_chat, make_other

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("e2e")]

TOKENS = "require perplexity.ratio <= 1.10\n  require kl.mean <= 0.01 nats"
WATCHED = "require variance.shift <= 0.01 nats\n  require overhead.metric in [0.999, 1.001]"
CHOICES = "require accuracy.delta >= -50 pp\n  require flips.rate <= 50%"
TASKS = {
    "chat": ("causal_lm", "content = chat; length = 32 tokens", f"{TOKENS}\n  {WATCHED}"),
    "masked_lm": ("masked_lm", "length = 16 tokens", TOKENS),
    "seq2seq_lm": ("seq2seq_lm", "length = 16 tokens", TOKENS),
    "multiple_choice": ("multiple_choice", "length = 32 tokens", CHOICES),
    "classification": ("classification", "length = 16 tokens", CHOICES),
}


@dataclass(frozen=True)
class Case:
    """One task's evaluation: its folder, and how the command ended."""

    folder: Path
    done: CompletedProcess[str]

    def verify(self, *more: object) -> CompletedProcess[str]:
        key = self.folder / "key"
        assert run_invarlock("attest", self.folder / "run", "--key", key).returncode == 0
        return run_invarlock(
            "verify", self.folder / "run" / "attestation.sigstore.json", "--key", f"{key}.pub",
            "--policy", f"{self.folder / 'policy.invar'}#balanced",
            "--subject", self.folder / "subject", "--baseline", self.folder / "baseline",
            "--data", self.folder / "data.jsonl", *more,
        )  # fmt: skip


def make(folder: Path, name: str) -> None:
    """Policy, data, baseline and a slightly edited subject."""
    task, windows, gates = TASKS[name]
    (folder / "policy.invar").write_text(
        f'invar 1\npolicy tiny "1"\ntask = {task}\nwindows {{ {windows} }}\n'
        "require runtime.isolation in {sandbox, host}\nrequire windows.final >= 24\n"
        f"require windows.match == 100%\ntier balanced {{\n  {gates}\n}}\n"
    )
    write_data(folder / "data.jsonl", lines_of(name))
    kinds = {"masked_lm": "bert", "seq2seq_lm": "t5", "classification": "bert"}
    if name in kinds:
        changes = {"num_labels": 3} if name == "classification" else {}
        make_other(folder / "baseline", name, kinds[name], **changes)
    else:
        make_chat(folder / "baseline")
    edited(folder / "baseline", folder / "subject", nudge)


def evaluate(folder: Path) -> CompletedProcess[str]:
    return run_invarlock(
        "evaluate", "--policy", f"{folder / 'policy.invar'}#balanced", "--no-cache",
        "--baseline", folder / "baseline", "--subject", folder / "subject",
        "--data", folder / "data.jsonl", "--out", folder / "run",
    )  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """All evaluations, two at a time."""
    folders = {name: tmp_path_factory.mktemp(name) for name in TASKS}
    for name, folder in folders.items():
        make(folder, name)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(evaluate, folders.values()))
    pairs = zip(folders.items(), done, strict=True)
    return {name: Case(folder, result) for (name, folder), result in pairs}


@pytest.mark.parametrize("name", TASKS)
def test_a_good_edit_passes_and_verifies(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    assert case.done.returncode == 0, case.done.stderr
    report = json.loads((case.folder / "run" / "evaluation.report.json").read_text())
    assert report["runtime"]["isolation"] == "sandbox"
    assert report["window_match_fraction"] == "1"
    assert report["validation"]["primary_metric_acceptable"] is True
    verified = case.verify()
    assert verified.returncode == 0, verified.stderr + verified.stdout


@pytest.mark.parametrize("name", ["masked_lm", "multiple_choice"])
def test_it_is_reproduced_with_other_batches(cases: dict[str, Case], name: str) -> None:
    more = ("--level", "reproduced", "--challenge", "5", "--threads", "1", "--format", "json")
    done = cases[name].verify(*more)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)["reproduction"]
    assert len(found["challenged"]) == 5
    assert found["survives"] is True


@pytest.mark.parametrize("name", ["masked_lm", "multiple_choice"])
def test_a_row_of_numbers_made_up_is_seen(cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    path = case.folder / "run" / "evidence" / "subject.i64"
    before = path.read_bytes()
    numbers = np.frombuffer(before, "<i8").copy()
    numbers[0] += 1
    path.write_bytes(numbers.tobytes())
    try:
        assert case.verify().returncode == 4
    finally:
        path.write_bytes(before)
