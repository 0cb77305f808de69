"""A policy that does not say what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted
from invarlock.policy.syntax import Setting, Text


def check(linted: Linted) -> Iterator[Hit]:
    """One hit where ``about`` is absent or blank."""
    for statement in linted.source.body:
        if isinstance(statement, Setting) and statement.name.text == "about":
            value = statement.value
            if isinstance(value, Text) and not value.text.strip():
                yield Hit("`about` says nothing", _HINT, value.span)
            return
    yield Hit("the policy does not say what it is for", _HINT, linted.name_span())


_HINT: Final = 'write `about = "…"`: the question that the bar answers'

RULE: Final = Rule("no-about", "info", "the policy does not say what it is for", check, __file__)
