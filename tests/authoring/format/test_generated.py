"""Formatting of generated policies: idempotent, comments in order, tree and digest the same."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from invarlock.authoring.format import format_checked, format_source
from invarlock.policy import PolicyFault, compile_policy
from invarlock.policy.lex import COMMENT, tokens
from tests.authoring.format.generated import generate

SOAK = settings.default is not None and settings.default.max_examples > 1000


def _digest(source: bytes) -> str | None:
    try:
        return compile_policy(source, filename="p.invar").ir.digest
    except PolicyFault:
        return None


def _comments(source: bytes) -> tuple[str, ...]:
    found = tokens(source.decode(), comments=True)
    return tuple(token.text.rstrip() for token in found if token.type == COMMENT)


def _words(source: bytes) -> list[str]:
    """Everything but layout: a comma may move before a comment, `;` and line ends come and go."""
    found = tokens(source.decode())
    return [token.text for token in found if token.type not in {"_NL", "SEMICOLON"}]


@settings(max_examples=5000 if SOAK else 300)
@given(st.integers(0, 2**40))
def test_only_the_layout_changes(seed: int) -> None:
    generated = generate(seed)
    source = generated.text.encode()
    formatted = format_checked(source, filename="p.invar")
    assert format_source(formatted, filename="p.invar") == formatted
    assert _words(formatted) == _words(source)
    assert _comments(formatted) == generated.comments
    assert _digest(formatted) == _digest(source)
    _well_laid(formatted.decode())


def _well_laid(text: str) -> None:
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    lines = text.split("\n")
    assert all(line == line.rstrip() for line in lines)
    code = [line.split("#")[0] for line in lines]
    assert not any("\t" in line for line in code)
    for above, below in pairwise(lines):
        assert above or below or below is lines[-1]
        if not above:
            assert below.strip() != "}"
        if not below:
            assert not above.endswith("{")


def test_many_generated_policies_compile() -> None:
    digests = [_digest(generate(seed).text.encode()) for seed in range(100)]
    assert sum(digest is not None for digest in digests) >= 50
