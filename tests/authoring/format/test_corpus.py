"""Formatting of the conformance corpus: all of it that parses, whatever it means."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from invarlock.authoring.format import format_checked, format_source
from invarlock.policy import PolicyFault, compile_policy
from invarlock.policy.lex import COMMENT, tokens
from tests.conftest import ROOT

UNREADABLE = {"E101", "E102", "E115"}
"""Codes of what does not parse: E102 where a keyword is misspelt."""


def _files(folder: str) -> list[Path]:
    return sorted((ROOT / "grammar" / folder).glob("**/*.invar"))


def _comments(source: bytes) -> list[str]:
    found = tokens(source.decode(), comments=True)
    return [token.text.rstrip() for token in found if token.type == COMMENT]


def _holds(path: Path) -> bytes:
    source = path.read_bytes()
    formatted = format_checked(source, filename=path.name)
    assert format_source(formatted, filename=path.name) == formatted, path.name
    assert _comments(formatted) == _comments(source), path.name
    assert not any(above == below == b"" for above, below in pairwise(formatted.split(b"\n")[:-1]))
    return formatted


@pytest.mark.parametrize("folder", ["accept", "digest"])
def test_what_compiles_keeps_its_digest(folder: str) -> None:
    files = _files(folder)
    assert len(files) >= 10
    compared = 0
    for path in files:
        formatted = _holds(path)
        try:
            before = compile_policy(path.read_bytes(), filename="p").ir
        except PolicyFault:
            continue  # it includes another file
        assert compile_policy(formatted, filename="p").ir == before, path.name
        compared += 1
    assert compared > 0.8 * len(files)


def test_what_does_not_compile_is_formatted_or_refused_for_its_syntax() -> None:
    refused: dict[str, set[str]] = {}
    files = _files("reject")
    for path in files:
        try:
            _holds(path)
        except PolicyFault as fault:
            refused[path.name] = {found.code for found in fault.diagnostics}
    assert 5 <= len(refused) <= len(files) - 20
    assert not {name: codes for name, codes in refused.items() if not codes <= UNREADABLE}
