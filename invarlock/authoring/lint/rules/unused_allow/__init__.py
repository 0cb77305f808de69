"""An allowance that allows nothing. The engine asks for it once all rules have spoken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Comment, Linted
from invarlock.policy.span import Span


def hit(linted: Linted, comment: Comment) -> Hit:
    """What is said of an allowance that was not used."""
    row = linted.row(comment.line)
    start = row.index(comment.text) + 1
    span = Span(comment.line, start, comment.line, start + len(comment.text))
    return Hit("nothing is found here that this comment would allow", "remove the comment", span)


def _nothing(_: Linted) -> Iterable[Hit]:
    return ()


RULE: Final = Rule(
    "unused-allow",
    "warning",
    "a comment allows a finding that is not there",
    _nothing,
    __file__,
)
