"""Lists of modules: read as the library reads them, or not at all, and quickly."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.artifacts.patterns import matches, patterns_of

WORDS = st.lists(st.sampled_from(["a", "b", "_", r"\.", ".", ".*"]), max_size=6).map("".join)
NAMES = st.text("ab_.", max_size=8)


@given(WORDS, st.booleans(), NAMES)
def test_expressions_match_as_expressions_do(words: str, end: bool, name: str) -> None:
    expression = words + "$" * end
    patterns = patterns_of([f"re:{expression}"])
    assert patterns is not None
    assert matches(name, patterns) is (re.match(expression, name) is not None)


@given(st.text("ab*?[]!.", min_size=1, max_size=8), NAMES)
def test_a_name_matches_itself_alone(entry: str, name: str) -> None:
    patterns = patterns_of([entry])
    assert patterns is not None
    assert matches(entry, patterns)
    assert matches(name, patterns) is (name == entry)


@pytest.mark.parametrize(
    "entry", [None, 1, "", "LlamaRMSNorm", "re:a|b", "re:(a)", "re:a+", "re:[a]"]
)
def test_what_is_not_read(entry: object) -> None:
    assert patterns_of(["lm_head"]) == ("lm_head",)
    assert patterns_of([entry]) is None  # type: ignore[list-item]
    assert patterns_of("lm_head") is None


def test_no_expression_takes_long() -> None:
    patterns = patterns_of(["re:" + ".*a" * 200 + "b$"])
    assert patterns is not None
    began = time.perf_counter()
    assert not matches("a" * 2000, patterns)
    assert time.perf_counter() - began < 5
