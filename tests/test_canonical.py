"""Canonical bytes and strict JSON: one meaning, one byte string; read once, in linear time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import (
    Json,
    StrictJsonError,
    canonical_bytes,
    check_exact,
    is_canonical,
    strict_json,
)

LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(DOCUMENTS)
def test_what_is_written_is_read_back(document: object) -> None:
    data = canonical_bytes(document)
    assert strict_json(data) == document
    assert is_canonical(strict_json(data), data)
    assert canonical_bytes(strict_json(data)) == data == rfc8785.dumps(document)  # type: ignore[arg-type]  # drawn as JSON


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), 2**53, {1: "a"}, b"x", "\ud800", {"\udc00": 1}]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_bytes(value)


@given(DOCUMENTS | st.recursive(LEAVES | st.floats() | st.just(2**53), st.lists, max_leaves=9))
def test_exact_is_what_has_a_canonical_form(document: Json) -> None:
    def refused(check: Callable[[Json], object]) -> bool:
        try:
            check(document)
        except TypeError:
            return True
        return False

    assert refused(check_exact) == refused(canonical_bytes)


@given(st.text('[]{},"a', max_size=30))
def test_depth_is_that_outside_strings(text: str) -> None:
    def refused(data: str) -> str:
        try:
            strict_json(data.encode(), max_depth=2)
        except StrictJsonError as err:
            return str(err)[:14]
        return ""

    # With an escape in it, the slower way round is taken; both must count the same brackets.
    deep = "nested deeper "
    assert (refused(text) == deep) == (refused('"\\\\"' + text) == deep)


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


@pytest.mark.parametrize(
    "value", [{"a": 1, "b": [2, "x"]}, {"é": 1, "a": "ü"}, {"\ue000": 1, "\U0001f600": 2}]
)
def test_one_spelling_is_the_canonical_one(value: Json) -> None:
    data = canonical_bytes(value)
    assert is_canonical(value, data)
    for other in (data + b" ", json.dumps(value, indent=1).encode(), b" " + data):
        assert not is_canonical(value, other)


def test_another_order_of_keys_is_not_canonical() -> None:
    for data in (b'{"b":1,"a":2}', '{"\U0001f600":2,"é":1}'.encode(), b'{"\\u0061":1}'):
        assert not is_canonical(strict_json(data), data)
    with pytest.raises(TypeError):
        is_canonical(strict_json(b"[1.5]"), b"[1.5]")
