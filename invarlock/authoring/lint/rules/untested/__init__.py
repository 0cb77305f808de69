"""Tiers and profiles that no policy test names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted, label_span, label_text, word_setting
from invarlock.policy.diagnostics import shown


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each tier and each profile without a ``test`` of its own."""
    tests = list(linted.blocks("test"))
    tiers = list(linted.blocks("tier"))
    only = label_text(tiers[0]) if len(tiers) == 1 else ""
    for kind, blocks in (("tier", tiers), ("profile", linted.blocks("profile"))):
        named = {word.text if (word := word_setting(test, kind)) else "" for test in tests}
        if kind == "tier" and "" in named:
            named.add(only)
        for block in blocks:
            name = label_text(block)
            if name not in named:
                message = f"no test names the {kind} `{shown(name)}`"
                hint = f'write `test "…" {{ {kind} = {shown(name)}; … }}`'
                yield Hit(message, hint, label_span(block))


RULE: Final = Rule(
    "untested", "warning", "a tier or profile without a policy test", check, __file__
)
