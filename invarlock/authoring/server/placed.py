"""Gates by the place they are written at, and the places of the gates that tests speak of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.levels import Level, lineage
from invarlock.authoring.server.statements import Statement
from invarlock.authoring.server.subjects import bar_in_test
from invarlock.policy.check_case import key_of
from invarlock.policy.checked import PlacedGate, Scope
from invarlock.policy.problems import Problem
from invarlock.policy.syntax import Block, Expect, Given, Subject


@dataclass(frozen=True, slots=True)
class GateHere:
    """A gate of the open document and the block that holds it; ``kind`` is empty at the top."""

    key: str
    placed: PlacedGate
    kind: str
    name: str


def scopes(analysis: Analysis) -> Iterator[tuple[str, Scope]]:
    """Kind and content of the top level, each tier and each profile."""
    checked = analysis.read.checked
    if checked is not None:
        yield "", checked.top
        yield from (("tier", scope) for scope in checked.tiers.values())
        yield from (("profile", scope) for scope in checked.profiles.values())


def gate_at(analysis: Analysis, offset: int) -> GateHere | None:
    """The gate that ``offset`` stands in."""
    for kind, scope in scopes(analysis):
        for key, placed in scope.gates.items():
            start, end = analysis.places.span(placed.span)
            if start <= offset <= end:
                return GateHere(key, placed, kind, scope.name)
    return None


def key_at(analysis: Analysis, offset: int) -> str | None:
    """The gate id that a test spells at ``offset``, after ``given`` or ``because``."""
    for subject in _test_subjects(analysis):
        start, end = analysis.places.span(subject.span)
        if start <= offset <= end:
            try:
                return key_of(subject)
            except Problem:
                return None
    return None


def _test_subjects(analysis: Analysis) -> Iterator[Subject]:
    for block in analysis.read.syntax.body:
        if isinstance(block, Block) and block.kind.text == "test":
            for statement in block.body:
                match statement:
                    case Given():
                        yield statement.subject
                    case Expect(because=Subject() as because):
                        yield because


def place_of_gate(
    analysis: Analysis, statement: Statement, key: str
) -> tuple[str, Level, PlacedGate] | None:
    """The bar that the test around ``statement`` names, and the level and place of its gate
    ``key``: the profile's, else the nearest tier's."""
    tier, profile = bar_in_test(analysis, statement)
    checked = analysis.read.checked
    levels = list(lineage(analysis, tier))
    if checked is not None and profile in checked.profiles:
        levels.append(Level("", profile, checked.profiles[profile].gates))
    bar = f"{tier}+{profile}" if profile else tier
    for level in reversed(levels):
        if key in level.gates:
            return bar, level, level.gates[key]
    return None
