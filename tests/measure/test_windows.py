"""Windows: cut without overlap, counted by content, drawn by the schedule."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.errors import Inconclusive
from invarlock.evidence.schedule import schedule_key, window_id
from invarlock.evidence.schema import Schedule
from invarlock.measure.ingest import Document
from invarlock.measure.job import ArmJob
from invarlock.measure.tasks.causal_lm import CausalLM, runs
from invarlock.measure.tasks.protocol import Piece
from invarlock.measure.windows import Drawn, cut, ids_at
from tests.measure.arms import contract

SEED = "sha256:" + "1" * 64


def documents(count: int) -> list[Document[str]]:
    return [Document(f"d{n}", "", "s" if n % 2 else None) for n in range(count)]


def drawn_from(
    names: list[Document[str]], ids: list[list[int]], length: int, *, preview: int, final: int
) -> Drawn:
    """The schedule drawn from documents that hold these token ids."""
    every = np.arange(1, length, dtype="<u4")
    pieces = [[Piece(start, run, every) for start, run in runs(own, length)] for own in ids]
    schedule = Schedule(seed=SEED, preview=preview, final=final)
    job = ArmJob(arm="baseline", contract=contract(length), schedule=schedule, threads=1)
    return cut(names, pieces, job, CausalLM(length))


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=20), min_size=1, max_size=12),
    st.integers(2, 5),
    st.data(),
)
def test_drawn_windows_are_distinct_runs_of_their_documents(
    ids: list[list[int]], length: int, data: st.DataObject
) -> None:
    runs = [
        tuple(row[at : at + length])
        for row in ids
        for at in range(0, len(row) - length + 1, length)
    ]
    offered = len(set(runs))
    final = data.draw(st.integers(0, offered))
    preview = data.draw(st.integers(0, offered - final))
    drawn = drawn_from(documents(len(ids)), ids, length, preview=preview, final=final)
    assert drawn.counts.windows == offered
    assert drawn.counts.documents == len(ids)
    assert [w.phase for w in drawn.windows] == ["final"] * final + ["preview"] * preview
    assert len({w.id for w in drawn.windows}) == final + preview
    keys = [schedule_key(SEED, w.id) for w in drawn.windows]
    assert keys == sorted(keys)
    for window, tokens in zip(
        drawn.windows, drawn.layout.tokens.reshape(-1, length).tolist(), strict=True
    ):
        row = ids[int(window.document[1:])]
        assert window.start % length == 0
        assert row[window.start : window.start + length] == tokens
        assert window.id == window_id(tokens)
        assert window.slice == ("s" if int(window.document[1:]) % 2 else None)


def test_too_few_windows_is_inconclusive_and_says_how_many_there_are() -> None:
    ids = [[1, 2, 3, 4], [1, 2, 3, 4], [5, 6]]
    with pytest.raises(Inconclusive) as caught:
        drawn_from(documents(3), ids, 2, preview=2, final=2)
    assert caught.value.code == "E002"
    assert re.search(r"\b3 distinct windows", caught.value.message)
    drawn = drawn_from(documents(3), ids, 2, preview=1, final=2)
    assert (drawn.layout.lengths.tolist(), drawn.layout.rows) == ([2, 2, 2], 3)


def test_the_order_of_the_data_does_not_change_the_draw() -> None:
    draw = np.random.default_rng(0)
    ids = [draw.integers(0, 50, 40).tolist() for _ in range(6)]
    one = drawn_from(documents(6), ids, 4, preview=5, final=9)
    two = drawn_from(documents(6)[::-1], ids[::-1], 4, preview=5, final=9)
    assert np.array_equal(one.layout.tokens, two.layout.tokens)
    assert [w.document for w in one.windows] == [w.document for w in two.windows]


def test_ids_at_compares_the_same_place_and_gives_none_beyond_the_end() -> None:
    drawn = drawn_from(documents(1), [[1, 2, 3, 4]], 2, preview=0, final=2)

    def found(ids: list[int]) -> list[str | None]:
        every = np.array([1], dtype="<u4")
        pieces = [Piece(start, run, every) for start, run in runs(ids, 2)]
        return ids_at(drawn.windows, {"d0": pieces}, contract(2))

    assert found([1, 2, 3, 4]) == [w.id for w in drawn.windows]
    by_start = {w.start: n for n, w in enumerate(drawn.windows)}
    other = found([1, 9, 3])
    assert other[by_start[0]] == window_id([1, 9])
    assert other[by_start[2]] is None
