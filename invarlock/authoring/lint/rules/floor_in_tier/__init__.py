"""How much evidence it takes, written where it says how much worse is too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted, label_text
from invarlock.policy.diagnostics import shown
from invarlock.policy.syntax import Gate

FLOORS: Final = frozenset(
    {"windows.preview", "windows.final", "windows.tokens", "estimate.resamples"}
)
"""Measures of how much evidence there is."""


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each floor inside a tier of a policy that has profiles."""
    if not any(linted.blocks("profile")):
        return
    for block in linted.blocks("tier"):
        for gate in block.body:
            if isinstance(gate, Gate) and gate.subject.name.text in FLOORS:
                name = gate.subject.name
                message = f"the tier `{shown(label_text(block))}` sets the floor `{name.text}`"
                yield Hit(message, "move it into a profile, or to the top level", name.span)


RULE: Final = Rule(
    "floor-in-tier", "info", "a floor of evidence in a tier, beside profiles", check, __file__
)
