"""The gates that a tier inherits, level by level, from a file that may be broken.

The compiler resolves only whole policies; an editor is asked while the policy is in pieces. What
was checked of it is enough: a gate that does not check is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from invarlock.authoring.server.analysis import Analysis, Read, read_text
from invarlock.policy.checked import PlacedGate, Scope

_DEEPEST: Final = 16
"""Levels followed through ``refines``; a policy has no more tiers (grammar/REFERENCE.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The gates of one block. ``file`` is empty for the open document, ``name`` for its top."""

    file: str
    name: str
    gates: Mapping[str, PlacedGate]


def lineage(analysis: Analysis, tier: str) -> tuple[Level, ...]:
    """The levels that make up ``tier``, from the top level down to itself. Names that lead
    nowhere and circles end it."""
    return _levels(analysis, analysis.read, "", tier, _DEEPEST)


def _levels(analysis: Analysis, read: Read, file: str, tier: str, left: int) -> tuple[Level, ...]:
    """The top of the file, what the tier refines, the tier itself."""
    if read.checked is None:
        return ()
    top = Level(file, "", read.checked.top.gates)
    below: list[Level] = []
    scope: Scope | None = read.checked.tiers.get(tier)
    while scope is not None and len(below) < left:
        below.append(Level(file, scope.name, scope.gates))
        refines = "" if scope.refines is None else scope.refines.text
        if "." in refines:
            above = _included(analysis, read, refines, left - len(below))
            return (top, *above, *reversed(below))
        scope = read.checked.tiers.get(refines)
    return (top, *reversed(below))


def _included(analysis: Analysis, read: Read, refines: str, left: int) -> tuple[Level, ...]:
    alias, _, name = refines.partition(".")
    placed = None if read.checked is None else read.checked.includes.get(alias)
    found = None if placed is None else analysis.file(placed.target)
    if found is None:
        return ()
    file, text = found
    return _levels(analysis, read_text(text, file), file, name, left)


def bar_gates(analysis: Analysis, tier: str, profile: str = "") -> dict[str, PlacedGate]:
    """Every gate of a bar by id, as far as the document can be read: the nearest level's own."""
    found: dict[str, PlacedGate] = {}
    for level in lineage(analysis, tier):
        found.update(level.gates)
    checked = analysis.read.checked
    tightening = None if checked is None else checked.profiles.get(profile)
    if tightening is not None:
        found.update(tightening.gates)
    return dict(sorted(found.items()))
