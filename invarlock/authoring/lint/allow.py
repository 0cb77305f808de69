"""Findings that are allowed: ``# lint: allow RULE, REASON`` on the line, or right above it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from invarlock.authoring.lint.linted import Comment, Linted

_DIRECTIVE: Final = re.compile(r"#+\s*lint\s*:")
_ALLOW: Final = re.compile(r"#+\s*lint\s*:\s*allow\s+([a-z][a-z0-9-]*)\s*,\s*(\S.*)")


@dataclass(frozen=True, slots=True)
class Allow:
    """A rule that is allowed at the line of ``comment``, or at the code right below."""

    rule: str
    reason: str
    comment: Comment


def is_directive(comment: Comment) -> bool:
    """Whether a comment speaks to lint, well formed or not."""
    return _DIRECTIVE.match(comment.text) is not None


def read_allow(comment: Comment) -> Allow | None:
    """The allowance that a comment spells; ``None`` where it is none, or has no reason."""
    match = _ALLOW.fullmatch(comment.text)
    return None if match is None else Allow(match[1], match[2], comment)


def allows(linted: Linted) -> dict[int, list[Allow]]:
    """Every allowance of the file by the line of code for which it holds: its own, or the one
    below the comments that it stands among. Linear in the file."""
    found: dict[int, list[Allow]] = {}
    for comment in linted.comments.values():
        allow = read_allow(comment)
        if allow is not None:
            found.setdefault(linted.code_line(comment), []).append(allow)
    return found
