"""What lint finds, what would mend it, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from invarlock.authoring.lint.linted import Linted
from invarlock.policy.span import Span

Severity = Literal["warning", "info"]


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters from offset ``start`` up to ``end`` are replaced."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding of one rule. A ``fix`` never moves the semantic digest."""

    rule: str
    severity: Severity
    message: str
    hint: str
    span: Span
    fix: Edit | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule says of one place; the engine adds the rule's name and severity."""

    message: str
    hint: str
    span: Span
    fix: Edit | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``file`` is the module it stands in; its page lies beside."""

    name: str
    severity: Severity
    summary: str
    check: Callable[[Linted], Iterable[Hit]]
    file: str
    fixable: bool = False

    @property
    def page(self) -> str:
        """The rule's page: Avoid, Prefer, Why; Markdown."""
        return Path(self.file).with_name("README.md").read_text(encoding="utf-8")
