"""The generated tables: no drift, and the same language as lark reads from the grammar."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark, Token, Tree, UnexpectedInput

from invarlock.policy.lex import Token as OurToken
from invarlock.policy.parse import Node, parse
from tests.conftest import ROOT
from tests.policy.support import HEAD, policy

GRAMMAR = ROOT / "grammar" / "invar.lark"
LARK = Lark(GRAMMAR.read_text("utf-8"), parser="lalr", strict=True, maybe_placeholders=False)

# Pieces of statements, joined by blanks: close enough to the language to be often inside it.
WORDS = [
    "require",
    "warn",
    "in",
    "on",
    "each",
    "refines",
    "{",
    "}",
    "=",
    "==",
    "<=",
    ",",
    ";",
    ":",
    "[",
    "]",
    "(",
    ")",
    "%",
    "\n",
    "kl.mean",
    "tier",
    "t",
    "yes",
    "1",
    "1.05",
    "-3",
    "pp",
    '"code"',
    "given",
    "expect",
    "because",
    "include",
    "as",
    "test",
    '"1.0"',
    "policy",
    "invar",
]


def tree(node: Node | OurToken) -> object:
    if isinstance(node, OurToken):
        return (node.type, node.text)
    return (node.name, [tree(child) for child in node.children])


def lark_tree(node: Tree[Token] | Token) -> object:
    if isinstance(node, Token):
        return (node.type, str(node))
    return (str(node.data), [lark_tree(child) for child in node.children])


@pytest.mark.parametrize("seed", ["0", "1"])
def test_tables_are_what_the_grammar_generates_whatever_the_hash_seed(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_parser.py", "--check"],
        env={**os.environ, "PYTHONHASHSEED": seed},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_standard_policy_has_the_tree_that_lark_builds() -> None:
    text = (ROOT / "policies" / "causal_lm.invar").read_text("utf-8")
    ours, faults = parse(text)
    assert faults == ()
    assert tree(ours) == lark_tree(LARK.parse(text))


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_accepts_what_lark_accepts_with_the_same_tree(tail: str) -> None:
    text = HEAD + tail
    ours, faults = parse(text)
    try:
        expected = lark_tree(LARK.parse(text))
    except UnexpectedInput:
        assert faults
    else:
        assert faults == ()
        assert tree(ours) == expected


@given(st.data())
def test_single_changes_to_a_policy_are_judged_as_lark_judges_them(data: st.DataObject) -> None:
    words = policy("windows { length = 64; }", 'require kl.mean on "a" in [1, 2)').split(" ")
    place = data.draw(st.integers(0, len(words) - 1))
    words[place] = data.draw(st.sampled_from(WORDS))
    text = " ".join(words)
    _, faults = parse(text)
    try:
        LARK.parse(text)
    except UnexpectedInput:
        assert faults
    else:
        assert faults == ()
