"""Leaves hold everything of their window, and nothing of another."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from invarlock.evidence.leaves import window_leaves, windows_root
from invarlock.evidence.merkle import includes, inclusion_proof
from tests.builders import Synthetic

CASE = Synthetic().edited()
EVIDENCE = CASE.evidence()
LEAVES = window_leaves(EVIDENCE)


def test_a_leaf_reads_back_as_its_window() -> None:
    head, numbers = LEAVES[5].split(b"\n", maxsplit=1)
    said = json.loads(head)
    assert said["window"] == EVIDENCE.windows[5].model_dump(mode="json")
    names = ["baseline_loss", "loss", "kl", "delta_p", "top1"]
    assert said["columns"] == names
    length, rows = said["window"]["length"], said["window"]["rows"]
    whole = np.frombuffer(numbers[: 4 * (length + rows)], "<u4")
    assert np.array_equal(whole[:length], EVIDENCE.layout.window(5))
    assert np.array_equal(whole[length:], EVIDENCE.positions[5 * rows : 6 * rows])
    table = np.frombuffer(numbers[4 * (length + rows) :], "<i8").reshape(len(names), rows)
    for name, row in zip(names, table, strict=True):
        assert np.array_equal(getattr(EVIDENCE, name).reshape(-1, rows)[5], row)


def test_one_window_is_shown_without_the_others() -> None:
    proof = inclusion_proof(LEAVES, 5)
    assert includes(windows_root(EVIDENCE), LEAVES[5], 5, len(LEAVES), proof)
    assert not includes(windows_root(EVIDENCE), LEAVES[6], 5, len(LEAVES), proof)


@pytest.mark.parametrize(
    "column", ["tokens", "positions", "baseline_loss", "loss", "kl", "delta_p", "top1"]
)
def test_a_number_changed_changes_its_leaf_alone(column: str) -> None:
    numbers = getattr(EVIDENCE, column).copy()
    numbers.flat[numbers.size // len(LEAVES) * 5] += 1
    changed = window_leaves(replace(EVIDENCE, **{column: numbers}))
    assert [at for at, leaf in enumerate(changed) if leaf != LEAVES[at]] == [5]


def test_a_record_changed_changes_its_leaf_alone() -> None:
    record = EVIDENCE.windows[5].model_copy(update={"slice": "another"})
    windows = (*EVIDENCE.windows[:5], record, *EVIDENCE.windows[6:])
    changed = window_leaves(replace(EVIDENCE, windows=windows))
    assert [at for at, leaf in enumerate(changed) if leaf != LEAVES[at]] == [5]
