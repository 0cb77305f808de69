"""A comment to lint that cannot be read, names no rule, or gives no reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.allow import is_directive, read_allow
from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted
from invarlock.authoring.lint.names import NAMES
from invarlock.policy.names import did_you_mean
from invarlock.policy.span import Span


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each comment that begins with ``# lint:`` and allows nothing."""
    for comment in linted.comments.values():
        if not is_directive(comment):
            continue
        start = linted.row(comment.line).index(comment.text) + 1
        span = Span(comment.line, start, comment.line, start + len(comment.text))
        allow = read_allow(comment)
        if allow is None:
            message = "this comment to lint allows nothing: it needs a rule and a reason"
            yield Hit(message, "write `# lint: allow RULE, REASON`", span)
        elif allow.rule not in NAMES:
            hint = did_you_mean(allow.rule, NAMES, "see `invarlock policy lint --help`")
            yield Hit(f"`{allow.rule}` is no rule of lint", hint, span)


RULE: Final = Rule(
    "allow-without-reason",
    "warning",
    "a comment to lint names no rule or gives no reason",
    check,
    __file__,
)
