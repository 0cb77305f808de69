"""What the catalogue declares of measures and words beside one another.

Source: DESIGN section 3 (isolation kinds are ordered) and the definitions of the measures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.policy.catalogue import MEASURES
from invarlock.policy.kinds import Measure

RELATED: Final = frozenset(
    name
    for measure in MEASURES.values()
    if measure.at_least or measure.families or measure.within
    for name in (measure.name, measure.at_least, measure.within)
)
"""Measures of which the value says something about another one, or about its families."""


def never_below(measure: str) -> tuple[str, ...]:
    """Measures whose value ``measure`` never falls below, on the same windows."""
    found: list[str] = []
    name = MEASURES[measure].at_least
    while name:
        found.append(name)
        name = MEASURES[name].at_least
    return tuple(found)


def largest_of_families(measure: str) -> bool:
    """Whether the measure without a target is the largest of those on its families."""
    return MEASURES[measure].families


def stronger(measure: Measure, word: str) -> Iterator[str]:
    """The words of ``measure`` that say more than ``word``: who demands ``word`` gets it from any
    of them."""
    waiting = [word]
    seen = {word}
    while waiting:
        last = waiting.pop()
        for weak, strong in measure.order:
            if weak == last and strong not in seen:
                seen.add(strong)
                waiting.append(strong)
                yield strong
