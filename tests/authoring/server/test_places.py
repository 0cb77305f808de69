"""Offsets and positions: UTF-16 by default, three line ends, nothing outside the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.authoring.server.places import Encoding, Places
from invarlock.policy.span import Lines

TEXT = "a😀b\r\nσ\rc\n\nd"


@pytest.mark.parametrize(("encoding", "column"), [("utf-16", 3), ("utf-8", 5), ("utf-32", 2)])
def test_columns_count_in_the_encoding_agreed(encoding: Encoding, column: int) -> None:
    places = Places(TEXT, encoding)
    assert places.place(2) == (0, column)
    assert places.offset(0, column) == 2


@pytest.mark.parametrize(
    ("offset", "place"), [(0, (0, 0)), (5, (1, 0)), (7, (2, 0)), (9, (3, 0)), (10, (4, 0))]
)
def test_each_kind_of_line_end_ends_a_line(offset: int, place: tuple[int, int]) -> None:
    assert Places(TEXT).place(offset) == place


def test_a_position_past_its_line_is_the_end_of_it() -> None:
    places = Places(TEXT)
    assert places.offset(0, 99) == 3
    assert places.offset(1, 99) == 6
    assert places.offset(99, 0) == len(TEXT)
    assert places.offset(-1, 5) == 0


def test_a_position_inside_a_surrogate_pair_is_before_it() -> None:
    assert Places(TEXT).offset(0, 2) == 1


_TEXTS = st.text(st.sampled_from("ab \t\r\nσ😀#{}"), max_size=40)


@given(_TEXTS, st.data())
def test_offsets_survive_the_way_there_and_back(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    places = Places(text)
    back = places.offset(*places.place(offset))
    inside_a_line_end = text[offset - 1 : offset + 1] == "\r\n"
    assert back == (offset - 1 if inside_a_line_end else offset)


@given(_TEXTS, st.data())
def test_the_compilers_spans_are_found_again(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert Places(text).span(Lines(text).span(start, end)) == (start, end)
