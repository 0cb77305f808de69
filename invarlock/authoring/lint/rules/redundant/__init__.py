"""Statements that could go: the compiler says so (E119), and this rule removes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from invarlock.authoring.lint.finding import Edit, Hit, Rule
from invarlock.authoring.lint.linted import Linted
from invarlock.errors import InvarlockError
from invarlock.policy.compile import compile_policy
from invarlock.policy.span import Span

_MOST: Final = 20
"""Statements looked at in one round: each costs a compilation."""


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each E119 whose statement can go without moving the digest."""
    redundant = (found for found in linted.compiled.warnings if found.code == "E119")
    for found in islice(redundant, _MOST):
        edit = _removal(linted, found.span)
        if edit is not None:
            yield Hit(found.message, "remove the statement", found.span, edit)


def _removal(linted: Linted, span: Span) -> Edit | None:
    """The edit that removes the statement at ``span``; ``None`` if the digest would move."""
    statements = (placed.statement.span for placed in linted.statements())
    whole = next((s for s in statements if s == span), None)
    if whole is None:
        return None
    start, end = linted.bounds(whole)
    text = linted.text[:start] + linted.text[end:]
    reader = linted.compiled.includes.__getitem__  # the same files, already read
    try:
        compiled = compile_policy(text.encode(), filename="", includes=reader)
    except InvarlockError:
        return None
    same = compiled.ir.digest == linted.compiled.ir.digest
    return Edit(start, end, "") if same else None


RULE: Final = Rule(
    "redundant",
    "warning",
    "a statement that another one implies",
    check,
    __file__,
    fixable=True,
)
