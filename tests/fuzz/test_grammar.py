"""Texts made from the grammar itself: our tables and lark agree on what they are."""

from __future__ import annotations

import string
from itertools import pairwise

from hypothesis import assume, event, given
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import UnexpectedInput

from invarlock.policy.parse import parse
from tests.fuzz.invariants import hold
from tests.policy.test_tables import LARK, lark_tree, tree

WORD = frozenset(string.ascii_lowercase + string.digits + "_")
TEXTS = from_lark(LARK, alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Z")))


def assume_whole_words(text: str) -> None:
    """Leave out what lark reads as two words and the language as one, as `invar0`: lark looks
    only for the words that may come next."""
    found = list(LARK.parse_interactive(text).iter_parse())
    for left, right in pairwise(found):
        touching = left.end_pos == right.start_pos and left.type != "NUMBER"
        assume(not (touching and left[-1] in WORD and right[0] in WORD))


@given(TEXTS)
def test_what_the_grammar_makes_is_read_as_lark_reads_it(text: str) -> None:
    ours, faults = parse(text)
    try:
        assume_whole_words(text)
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
