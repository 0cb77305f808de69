"""The examples on the pages of the rules, as whole policies."""

from __future__ import annotations

import re
from pathlib import Path

from invarlock.authoring.format import format_source
from invarlock.authoring.lint import RULES, Rule

HEAD = 'invar 1\npolicy example "1.0.0"\n\ntask = causal_lm\n'
BY_NAME = {rule.name: rule for rule in RULES}


def example(rule: Rule, heading: str) -> bytes:
    """The example under ``heading`` of the rule's page, with the lines that every policy has."""
    match = re.search(
        rf"^## {heading}\n\n```invar\n(.*?)```\n", rule.page, re.DOTALL | re.MULTILINE
    )
    assert match is not None, f"{rule.name} has no example under {heading}"
    body = match[1]
    gap = "" if re.match(r"[a-z_.]+ = ", body) else "\n"
    return format_source(f"{HEAD}{gap}{body}".encode(), filename=f"{rule.name}.invar")


def folder(rule: Rule) -> Path:
    """The folder of a rule."""
    return Path(rule.file).parent
