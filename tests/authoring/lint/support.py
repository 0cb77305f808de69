"""Linting small policies with one rule."""

from __future__ import annotations

from invarlock.authoring.lint import LintFinding, fix, lint
from invarlock.authoring.lint.names import NAMES

HEAD = 'invar 1\npolicy sample "1.0.0"\n\ntask = causal_lm\n\n'


def found(rule: str, body: str) -> list[LintFinding]:
    """What ``rule`` finds in a policy with ``body``."""
    assert rule in NAMES
    return list(lint((HEAD + body).encode(), filename="p.invar", rules={rule}))


def marked(rule: str, body: str) -> list[str]:
    """The text at the places that ``rule`` finds."""
    lines = (HEAD + body).split("\n")
    out = []
    for finding in found(rule, body):
        span = finding.span
        assert span.line == span.end_line
        out.append(lines[span.line - 1][span.column - 1 : span.end_column - 1])
    return out


def mended(rule: str, body: str) -> str:
    """The body after ``--fix`` of ``rule``."""
    out = fix((HEAD + body).encode(), filename="p.invar", rules={rule}).source.decode()
    assert out.startswith(HEAD)
    return out.removeprefix(HEAD)
