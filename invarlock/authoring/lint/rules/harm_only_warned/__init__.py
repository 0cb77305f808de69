"""A tier that requires nothing of what the edited model says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted, label_span, label_text
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.diagnostics import shown

HARM: Final = frozenset(
    measure.name
    for measure in MEASURES.values()
    if measure.kind is Kind.NUMBER and measure.harmful != "none" and measure.slices
)
"""Measures of what the models say: on these an edit can be worse than the baseline."""


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each tier without a required gate on one of :data:`HARM`."""
    for block in linted.blocks("tier"):
        name = label_text(block)
        gates = [gate for gate in linted.compiled.ir.bars[name].gates if gate.measure in HARM]
        if any(gate.level == "require" for gate in gates):
            continue
        if gates:
            warned = gates[0].id
            message = f"the tier `{shown(name)}` only warns of `{shown(warned)}`: any harm passes"
            hint = "write `require`: a warning decides nothing"
        else:
            message = f"the tier `{shown(name)}` requires nothing of what the model says"
            hint = "require `perplexity.ratio`, say"
        yield Hit(message, hint, label_span(block))


RULE: Final = Rule(
    "harm-only-warned",
    "warning",
    "a tier requires no measure of harm, or only warns of it",
    check,
    __file__,
)
