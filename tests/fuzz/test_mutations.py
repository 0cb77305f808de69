"""Policies with something changed: bytes flipped, parts exchanged, words swapped, lines moved."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.invariants import hold_everything, seeds

SEEDS = [seed for seed in seeds() if len(seed) < 4_000]
WORDS = re.compile(rb"\w[\w.]*|[^\w\s]|\s+")
sources = st.sampled_from(SEEDS)


@st.composite
def flipped(draw: st.DrawFn) -> bytes:
    source = bytearray(draw(sources))
    for _ in range(draw(st.integers(1, 8))):
        if source:
            source[draw(st.integers(0, len(source) - 1))] = draw(st.integers(0, 255))
    return bytes(source)


@st.composite
def spliced(draw: st.DrawFn) -> bytes:
    first, second = draw(sources), draw(sources)
    cut = draw(st.integers(0, len(first)))
    return first[:cut] + second[draw(st.integers(0, len(second))) :]


@st.composite
def swapped(draw: st.DrawFn) -> bytes:
    """Words of one policy, some of them replaced by words of another."""
    words, others = WORDS.findall(draw(sources)) or [b""], WORDS.findall(draw(sources)) or [b""]
    for _ in range(draw(st.integers(1, 6))):
        words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(others))
    return b"".join(words)


@st.composite
def moved(draw: st.DrawFn) -> bytes:
    """Lines in another order, some of them left out or doubled."""
    lines = draw(sources).splitlines(keepends=True)
    return b"".join(draw(st.lists(st.sampled_from(lines or [b""]), max_size=30)))


@st.composite
def inserted(draw: st.DrawFn) -> bytes:
    source = draw(sources).decode("utf-8", errors="replace")
    place = draw(st.integers(0, len(source)))
    return (source[:place] + draw(st.text(max_size=5)) + source[place:]).encode(
        "utf-8", errors="replace"
    )


MUTATIONS: dict[str, Callable[[], st.SearchStrategy[bytes]]] = {
    "flipped": flipped,
    "spliced": spliced,
    "swapped": swapped,
    "moved": moved,
    "inserted": inserted,
}


@pytest.mark.parametrize("kind", MUTATIONS)
def test_whatever_is_changed_the_compiler_answers(kind: str) -> None:
    @given(MUTATIONS[kind]())
    def holds(source: bytes) -> None:
        hold_everything(source)

    holds()
