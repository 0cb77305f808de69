"""What a hostile producer writes over the evidence of each task is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import NANO
from invarlock.errors import VerificationFault
from invarlock.evidence import store
from invarlock.evidence.masks import mask_positions
from invarlock.evidence.model import Evidence
from invarlock.evidence.schedule import window_id
from invarlock.evidence.schema import Window
from tests.builders import SANDBOXED
from tests.measure.tasks.runs import SCHEDULE, evidence_of
from tests.measure.tiny_tasks import make_chat, make_other

TASKS = ("chat", "masked_lm", "seq2seq_lm", "multiple_choice", "classification")


@dataclass(frozen=True)
class Parts:
    """Evidence as what it is written from."""

    windows: list[Window]
    positions: Any
    baseline_loss: Any
    loss: Any

    def first(self, **changes: Any) -> Parts:
        """The first window's record changed."""
        window = self.windows[0].model_copy(update=changes)
        return Parts([window, *self.windows[1:]], self.positions, self.baseline_loss, self.loss)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evidence]:
    found = {}
    for task in TASKS:
        folder = tmp_path_factory.mktemp(task)
        kind = {"masked_lm": "bert", "seq2seq_lm": "t5", "classification": "bert"}.get(task)
        model = (
            make_chat(folder / "model")
            if kind is None
            else make_other(folder / "model", task, kind, **_labels(task))
        )
        found[task] = evidence_of(folder, task, model, model)
    return found


def _labels(task: str) -> dict[str, Any]:
    return {"num_labels": 3} if task == "classification" else {}


def read(evidence: Evidence, change: Callable[[Parts], Parts]) -> Evidence:
    """What a verifier makes of the evidence after ``change``, its digests made to fit."""
    parts = change(
        Parts(
            list(evidence.windows),
            evidence.positions.copy(),
            evidence.baseline_loss.copy(),
            evidence.loss.copy(),
        )
    )
    columns = {**evidence.columns, "baseline_loss": parts.baseline_loss, "loss": parts.loss}
    files = {
        "windows.json": store.encode_windows(parts.windows),
        "windows.u32": store.encode_u32(evidence.tokens),
        "positions.u32": store.encode_u32(parts.positions),
        "baseline.i64": store.encode_columns(columns.pop("baseline_loss")),
        "subject.i64": store.encode_columns(*columns.values()),
        "baseline.tensors.json": store.encode_tensors(evidence.tensors["baseline"]),
        "subject.tensors.json": store.encode_tensors(evidence.tensors["subject"]),
        "baseline.activations.json": store.encode_activations(evidence.activations["baseline"]),
        "subject.activations.json": store.encode_activations(evidence.activations["subject"]),
        "guards.i64": store.encode_columns(*evidence.passes.values()),
        "overhead.json": store.encode_overhead(evidence.overhead),
    }
    header = evidence.header.model_copy(update={"parts": store.part_digests(files)})
    return store.read_evidence({**files, "evidence.json": store.encode_header(header)}, SANDBOXED)


@pytest.mark.parametrize("task", TASKS)
def test_what_was_measured_is_read(measured: dict[str, Evidence], task: str) -> None:
    """The positive control of what follows."""
    again = read(measured[task], lambda parts: parts)
    assert np.array_equal(again.loss, measured[task].loss)


def moved(at: int, by: int) -> Callable[[Parts], Parts]:
    def change(parts: Parts) -> Parts:
        parts.positions[at] = max(0, int(parts.positions[at]) + by)
        return parts

    return change


@pytest.mark.parametrize(
    ("task", "change", "code"),
    [
        ("chat", moved(1, -1), "E405"),  # the same position twice
        ("chat", moved(0, 200), "E405"),
        ("chat", lambda parts: parts.first(answer=0), "E405"),
        ("chat", lambda parts: parts.first(sizes=(1,)), "E405"),
        ("masked_lm", lambda parts: parts.first(answer=0), "E405"),
        ("seq2seq_lm", moved(0, -1), "E405"),
        ("seq2seq_lm", lambda parts: parts.first(sizes=(1, 1)), "E405"),
        ("multiple_choice", lambda parts: parts.first(answer=None), "E405"),
        ("multiple_choice", lambda parts: parts.first(answer=9), "E405"),
        ("multiple_choice", lambda parts: parts.first(sizes=None), "E405"),
        ("multiple_choice", lambda parts: parts.first(sizes=(3,)), "E405"),
        ("multiple_choice", moved(0, -40), "E405"),
        ("multiple_choice", moved(0, -1), "E403"),  # the context's last token given to a choice
        ("classification", moved(0, 1), "E405"),
        ("classification", lambda parts: parts.first(answer=3), "E405"),
    ],
)
def test_other_rows_are_refused(
    measured: dict[str, Evidence], task: str, change: Callable[[Parts], Parts], code: str
) -> None:
    with pytest.raises(VerificationFault) as caught:
        read(measured[task], change)
    assert caught.value.code == code


@pytest.mark.parametrize("task", ["multiple_choice", "classification"])
def test_another_answer_is_refused(measured: dict[str, Evidence], task: str) -> None:
    right = measured[task].windows[0].answer
    with pytest.raises(VerificationFault) as caught:
        read(measured[task], lambda parts: parts.first(answer=1 - min(right or 0, 1)))
    assert caught.value.code == "E403"


def test_masks_of_ones_own_choice_are_refused(measured: dict[str, Evidence]) -> None:
    """Easy tokens could be masked instead of those that the seed gives."""
    evidence = measured["masked_lm"]
    window = evidence.windows[0]
    right = mask_positions(SCHEDULE.seed, window.id, 16, 2).tolist()
    assert evidence.positions[:2].tolist() == right
    other = next(p for p in range(16) if p not in right)

    def change(parts: Parts) -> Parts:
        parts.positions[:2] = sorted([right[0], other])
        return parts

    with pytest.raises(VerificationFault) as caught:
        read(evidence, change)
    assert caught.value.code == "E407"


def test_masks_follow_seed_and_window_and_are_spread_evenly() -> None:
    seed, other = SCHEDULE.seed, "sha256:" + "6" * 64
    ids = [window_id([n]) for n in range(400)]
    masks = [tuple(mask_positions(seed, one, 20, 3).tolist()) for one in ids]
    assert masks == [tuple(mask_positions(seed, one, 20, 3).tolist()) for one in ids]
    assert masks != [tuple(mask_positions(other, one, 20, 3).tolist()) for one in ids]
    assert all(len(set(mask)) == 3 and mask == tuple(sorted(mask)) for mask in masks)
    counts = np.bincount(np.array(masks).ravel(), minlength=20)
    assert counts.min() > 30  # 60 each on average
    assert counts.max() < 100


def test_labels_share_one_probability(measured: dict[str, Evidence]) -> None:
    def change(parts: Parts) -> Parts:
        parts.loss[0] += NANO // 10
        return parts

    with pytest.raises(VerificationFault) as caught:
        read(measured["classification"], change)
    assert caught.value.code == "E404"


def test_evidence_of_one_task_is_not_that_of_another(measured: dict[str, Evidence]) -> None:
    """Chats are cut as the contract says; text is not read as a chat, nor the reverse."""
    evidence = measured["chat"]
    contract = evidence.header.contract
    windows = contract.windows.model_copy(update={"content": "text"})
    header = evidence.header.model_copy(
        update={"contract": contract.model_copy(update={"windows": windows})}
    )
    with pytest.raises(VerificationFault) as caught:
        read(replace(evidence, header=header), lambda parts: parts)
    assert caught.value.code == "E405"
