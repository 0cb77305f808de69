"""Where a name or gate is declared, and every place that uses it."""

from __future__ import annotations

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Location
from invarlock.authoring.server.names import Occurrence, occurrences
from invarlock.authoring.server.placed import key_at, place_of_gate
from invarlock.authoring.server.places import Places
from invarlock.authoring.server.statements import statements


def definition(analysis: Analysis, offset: int) -> Location | None:
    """Where what stands at ``offset`` is declared: a tier, profile, signer, included file, or the
    gate that a test speaks of."""
    name = analysis.name(offset)
    if name is not None:
        return _declaration(analysis, name)
    if _on_path(analysis, offset):
        read = analysis.include_at(analysis.statement(offset))
        return None if read is None else Location(0, 0, *read)
    key = key_at(analysis, offset)
    return None if key is None else _gate(analysis, offset, key)


def references(analysis: Analysis, offset: int, *, declaration: bool = True) -> list[Location]:
    """Every place of the name at ``offset`` in the open document."""
    name = analysis.name(offset)
    if name is None:
        return []
    return [
        Location(found.start, found.end)
        for found in analysis.names
        if same(found, name) and (declaration or not found.declares)
    ]


def same(a: Occurrence, b: Occurrence) -> bool:
    """Whether two places name one thing."""
    return (a.kind, a.name, a.alias) == (b.kind, b.name, b.alias)


def _declaration(analysis: Analysis, name: Occurrence) -> Location | None:
    if name.kind == "foreign":
        read = analysis.included(name.alias)
        return None if read is None else _foreign(name.name, *read)
    if name.kind == "include" and not name.declares:
        read = analysis.included(name.name)
        if read is not None:
            return Location(0, 0, *read)
    for found in analysis.names:
        if found.declares and same(found, name):
            return Location(found.start, found.end)
    return None


def _foreign(tier: str, file: str, text: str) -> Location:
    for found in occurrences(statements(text)):
        if found.declares and found.kind == "tier" and found.name == tier:
            return Location(found.start, found.end, file, text)
    return Location(0, 0, file, text)


def _on_path(analysis: Analysis, offset: int) -> bool:
    """Whether ``offset`` stands in the path of an ``include``."""
    statement = analysis.statement(offset)
    path = statement.after("include") if statement.kind == "include" else None
    return path is not None and path.start <= offset <= path.end


def _gate(analysis: Analysis, offset: int, key: str) -> Location | None:
    found = place_of_gate(analysis, analysis.statement(offset), key)
    if found is None:
        return None
    _, level, placed = found
    if not level.file:
        return Location(*analysis.places.span(placed.span))
    read = analysis.file(level.file)
    return None if read is None else Location(*Places(read[1]).span(placed.span), *read)
