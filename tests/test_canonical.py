"""Canonical bytes and strict JSON: one meaning, one byte string; read once, in linear time."""

from __future__ import annotations

import time

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import StrictJsonError, canonical_bytes, strict_json

LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(DOCUMENTS)
def test_what_is_written_is_read_back(document: object) -> None:
    data = canonical_bytes(document)
    assert strict_json(data) == document
    assert canonical_bytes(strict_json(data)) == data == rfc8785.dumps(document)  # type: ignore[arg-type]  # drawn as JSON


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), 2**53, {1: "a"}, b"x", "\ud800", {"\udc00": 1}]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_bytes(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b"NaN",
        b"1e999",
        b'"\\ud800"',
        b"[" * 65 + b"]" * 65,
        b"9" * 41,
        b"\xff",
        b'{"a":',
        b'"\\',
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data: bytes) -> None:
    with pytest.raises(StrictJsonError):
        strict_json(data)


def test_brackets_inside_strings_do_not_nest() -> None:
    assert strict_json(b'["' + b"[" * 100 + b'\\"' + b"]" * 7 + b'"]') == ["[" * 100 + '"]]]]]]]']


@pytest.mark.parametrize("unit", [b'\\"', b'"\\"', b"\\\\", b'"'])
def test_hostile_strings_take_linear_time(unit: bytes) -> None:
    def seconds(count: int) -> float:
        begun = time.perf_counter()
        with pytest.raises(StrictJsonError):
            strict_json(b'{"' + unit * count)
        return time.perf_counter() - begun

    seconds(1000)
    assert seconds(400_000) < 5.0  # quadratic time would be hours
