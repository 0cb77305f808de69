"""A signer that any branch or tag of the repository satisfies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted, label_text
from invarlock.policy.diagnostics import shown
from invarlock.policy.syntax import Setting, Text

ANY: Final = frozenset({"*", "*/*", "*/*/*", "refs/*", "refs/*/*", "refs/heads/*"})
"""Globs that whoever may push a branch satisfies."""


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each signer whose ``ref`` is one of :data:`ANY`."""
    for block in linted.blocks("signer"):
        for setting in block.body:
            if not isinstance(setting, Setting) or setting.name.text != "ref":
                continue
            value = setting.value
            if isinstance(value, Text) and value.text in ANY:
                message = f"any branch of the repository can sign as `{shown(label_text(block))}`"
                hint = 'name protected refs: `"refs/heads/main"` or `"refs/tags/*"`'
                yield Hit(message, hint, value.span)


RULE: Final = Rule(
    "signer-any-ref",
    "warning",
    "a signer that any branch of the repository satisfies",
    check,
    __file__,
)
