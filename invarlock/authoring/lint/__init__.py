"""Lint: what is valid, and what a reviewer of a bar would still ask about.

Each rule has a folder of its own under ``rules/``, with a page (Avoid, Prefer, Why) beside it.
What the compiler says already is not said again.
"""

from __future__ import annotations

from invarlock.authoring.lint.engine import Fixed, apply_fixes, fix, lint
from invarlock.authoring.lint.finding import Edit, LintFinding, Rule
from invarlock.authoring.lint.rules import RULES

__all__ = ["RULES", "Edit", "Fixed", "LintFinding", "Rule", "apply_fixes", "fix", "lint"]
