"""Texts made from the grammar itself: our tables and lark agree on what they are."""

from __future__ import annotations

from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import UnexpectedInput

from invarlock.policy.parse import parse
from tests.fuzz.invariants import hold
from tests.policy.test_tables import LARK, lark_tree, tree

TEXTS = from_lark(LARK, alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Z")))


@given(TEXTS)
def test_what_the_grammar_makes_is_read_as_lark_reads_it(text: str) -> None:
    ours, faults = parse(text)
    try:
        expected = lark_tree(LARK.parse(text))
    except UnexpectedInput:
        # Two words that were made side by side may be read as one.
        event("refused")
        assert faults
    else:
        event("accepted")
        assert faults == ()
        assert tree(ours) == expected
    hold(text.encode())
