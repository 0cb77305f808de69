"""Repeats are found by tokens, against the plain comparison of every run with every other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from invarlock.evidence.repeats import RUN, repeating, run_marks

WINDOW = st.lists(st.integers(0, 2), max_size=70)


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 9))
def test_equal_runs_have_equal_marks_and_others_do_not(tokens: list[int], length: int) -> None:
    marks = run_marks(np.array(tokens, dtype=np.uint32), length).tolist()
    runs = [tuple(tokens[at : at + length]) for at in range(len(tokens) - length + 1)]
    assert len(marks) == len(runs)
    assert len(set(zip(marks, runs, strict=True))) == len(set(runs)) == len(set(marks))


@given(WINDOW, WINDOW, WINDOW, st.integers(0, 70), st.integers(0, 40))
def test_a_window_that_takes_up_a_run_of_an_earlier_one(
    one: list[int], two: list[int], three: list[int], start: int, size: int
) -> None:
    three = [*three[:20], *one[start : start + size], *three[20:]]
    rows = [one, two, three]
    runs = [{tuple(row[at : at + RUN]) for at in range(len(row) - RUN + 1)} for row in rows]
    expected = {
        number
        for number, found in enumerate(runs)
        if any(found & earlier for earlier in runs[:number])
    }
    assert repeating(*_flat(rows)) == expected


def test_a_prompt_between_two_answers_ends_a_run() -> None:
    text = list(range(RUN))
    tokens, windows, places = _flat([text, text])
    assert repeating(tokens, windows, places) == {1}
    places[RUN + RUN // 2 :] += 5
    assert repeating(tokens, windows, places) == set()


def _flat(
    rows: list[list[int]],
) -> tuple[NDArray[np.uint32], NDArray[np.intp], NDArray[np.intp]]:
    sizes = [len(row) for row in rows]
    tokens = np.array([token for row in rows for token in row], dtype=np.uint32)
    places = np.array([place for size in sizes for place in range(size)], dtype=np.intp)
    return tokens, np.repeat(np.arange(len(rows)), sizes), places
