"""Recovery: every error of a file, no cascade, an end on any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.policy import Compiled, PolicyFault, compile_policy
from invarlock.policy.diagnostics import render_text
from invarlock.policy.parse import MAX_SYNTAX_ERRORS, parse
from tests.conftest import ROOT
from tests.policy.support import HEAD, TIER, compiled, errors, policy

STANDARD = (ROOT / "policies" / "causal_lm.invar").read_bytes()


def places(text: str) -> list[tuple[str, int]]:
    return [(found.code, found.span.line) for found in errors(text)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # one per bad line, in a tier and outside
        ("require\nwarn\n= 3\n", [("E101", 4), ("E101", 5), ("E101", 6)]),
        # a broken block head does not hide what is in the block
        ('tier "a" b {\n  require nope <= 1\n}\n', [("E101", 4), ("E102", 5)]),
        # a set that is never closed costs its own statement only
        (
            "require data.digest in {\nrequire nope <= 1\nwarn nope <= 1\n",
            [("E101", 5), ("E102", 5), ("E102", 6)],
        ),
        # errors inside a set over several lines
        ("require runtime.network in {\n  off,\n  = ,\n  on\n}\nwarn nope <= 1", None),
        # a block that is never closed is checked too
        ("tier a {\n  require nope <= 1\n", [("E101", 4), ("E102", 5)]),
        ("tier a { require kl.mean <= }\nwarn nope <= 1\n", [("E101", 4), ("E102", 5)]),
        # a stray brace
        ("}\nwarn nope <= 1\n", [("E101", 4), ("E102", 5)]),
    ],
)
def test_recovery_at_newlines(body: str, expected: list[tuple[str, int]] | None) -> None:
    found = places(HEAD + body)
    if expected is None:
        expected = [("E101", 6), ("E102", 9)]
    assert found == expected


def test_missing_header_lines_are_one_error_each() -> None:
    assert places("task = causal_lm\n" + TIER) == [("E101", 1), ("E101", 1)]
    assert places("invar 1\ntask = causal_lm\n" + TIER) == [("E101", 2)]
    assert places("") == [("E101", 1), ("E101", 1)]
    assert places(HEAD + TIER) == []


def test_statements_around_an_error_are_kept() -> None:
    tree, faults = parse(policy("require kl.mean <= 1\n?\nrequire kl.p99 <= 1"))
    assert len(faults) == 1
    names = [child.name for child in tree.children if hasattr(child, "name")]
    assert names == ["version", "policy", "setting", "gate", "error", "gate", "block"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", ";", " ;\n ; "])
def test_separators(newline: str) -> None:
    text = HEAD.rstrip("\n").replace("\n", newline) + newline + TIER
    assert compiled(text).ir.digest == compiled(HEAD + TIER).ir.digest


def test_deep_nesting_and_many_errors_are_bounded() -> None:
    assert {code for code, _ in places(HEAD + "a{" * 5_000)} == {"E101", "E102"}
    assert len(errors(HEAD + "require\n" * 5_000)) <= MAX_SYNTAX_ERRORS
    assert [d.code for d in errors(HEAD + ";" * 300_000)] == ["E101"]


def outcome(source: bytes) -> Compiled | PolicyFault:
    try:
        return compile_policy(source, filename="p")
    except PolicyFault as fault:
        return fault


def check_total(source: bytes) -> None:
    """Compile: either a policy, or diagnostics that render; nothing else may come out."""
    result = outcome(source)
    found = result.diagnostics if isinstance(result, PolicyFault) else result.warnings
    has_errors = any(diagnostic.severity == "error" for diagnostic in found)
    assert has_errors == isinstance(result, PolicyFault)
    for diagnostic in found:
        assert diagnostic.span.line >= 1
        assert diagnostic.span.column >= 1
        rendered = render_text(diagnostic, source.decode("utf-8", errors="replace"))
        assert rendered.replace("\n", "").isprintable()


@given(st.binary(max_size=300))
def test_any_bytes_end_in_diagnostics(source: bytes) -> None:
    check_total(source)


@given(st.text(max_size=200))
def test_any_text_after_a_good_start_ends_in_diagnostics(text: str) -> None:
    check_total((HEAD + text).encode("utf-8", errors="surrogatepass"))


@given(
    st.lists(
        st.tuples(st.integers(0, len(STANDARD)), st.integers(0, 40), st.binary(max_size=6)),
        min_size=1,
        max_size=6,
    )
)
def test_a_mutated_policy_ends_in_diagnostics_or_compiles(
    edits: list[tuple[int, int, bytes]],
) -> None:
    source = STANDARD
    for place, length, piece in edits:
        source = source[:place] + piece + source[place + length :]
    check_total(source)


@given(st.data())
def test_a_policy_with_words_moved_about_ends_in_diagnostics_or_compiles(
    data: st.DataObject,
) -> None:
    words = STANDARD.decode().replace("\n", " \n ").split(" ")
    for _ in range(data.draw(st.integers(1, 5))):
        here, there = (data.draw(st.integers(0, len(words) - 1)) for _ in range(2))
        words[here], words[there] = words[there], words[here]
    check_total(" ".join(words).encode())
