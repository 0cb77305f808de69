"""The gates that a tier inherits, level by level, read from the syntax of a file that may be broken.

The compiler resolves only whole policies; an editor is asked while the policy is in pieces.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from invarlock.authoring.server.analysis import Analysis
from invarlock.policy import ir, syntax
from invarlock.policy.build import build
from invarlock.policy.check_case import key_of
from invarlock.policy.check_gate import check_gate
from invarlock.policy.parse import parse
from invarlock.policy.problems import Problem
from invarlock.policy.span import Span
from invarlock.policy.syntax import Block, Source, Word

_DEEPEST: Final = 16
"""Levels followed through ``refines``; a policy has no more tiers (grammar/REFERENCE.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A gate as written: its IR, ``None`` where it does not check, and its place."""

    key: str
    gate: ir.Gate | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The gates of one block. ``file`` is empty for the open document, ``name`` for its top."""

    file: str
    name: str
    gates: Mapping[str, Written]


def gates_of(body: Iterable[syntax.Statement]) -> dict[str, Written]:
    """The gates among the statements, by id; the first where one stands twice."""
    found: dict[str, Written] = {}
    for statement in body:
        if isinstance(statement, syntax.Gate):
            try:
                key = key_of(statement.subject)
            except Problem:
                continue
            found.setdefault(key, Written(key, _checked(statement), statement.span))
    return found


def _checked(statement: syntax.Gate) -> ir.Gate | None:
    try:
        return check_gate(statement)
    except Problem:
        return None


def blocks(source: Source, kind: str) -> Iterator[Block]:
    """The blocks of ``kind`` at the top level."""
    for statement in source.body:
        if isinstance(statement, Block) and statement.kind.text == kind:
            yield statement


def block_named(source: Source, kind: str, name: str) -> Block | None:
    """The block ``kind NAME``, or ``None``."""
    named = (b for b in blocks(source, kind) if b.label is not None and b.label.text == name)
    return next(named, None)


def lineage(analysis: Analysis, tier: str) -> tuple[Level, ...]:
    """The levels that make up ``tier``, from the top level down to itself. Names that lead
    nowhere and circles end it."""
    return _levels(analysis, analysis.syntax, "", tier, _DEEPEST)


def _levels(
    analysis: Analysis, source: Source, file: str, tier: str, left: int
) -> tuple[Level, ...]:
    """Own levels in order: the top of the file, what the tier refines, the tier."""
    below: list[Level] = []
    block = block_named(source, "tier", tier)
    while block is not None and left > 0:
        left -= 1
        below.append(Level(file, tier, gates_of(block.body)))
        tier = block.refines.text if isinstance(block.refines, Word) else ""
        if "." in tier:
            included = _included(analysis, source, file, tier, left)
            return (_top(source, file), *included, *reversed(below))
        block = block_named(source, "tier", tier) if tier else None
    return (_top(source, file), *reversed(below))


def _included(
    analysis: Analysis, source: Source, file: str, tier: str, left: int
) -> tuple[Level, ...]:
    alias, _, name = tier.partition(".")
    for statement in source.body:
        if isinstance(statement, syntax.Include) and statement.alias.text == alias:
            path = posixpath.join(posixpath.dirname(file), statement.path.text)
            read = analysis.read(path)
            if read is None:
                return ()
            root, _ = parse(read[1])
            return _levels(analysis, build(root, read[1]), read[0], name, left)
    return ()


def _top(source: Source, file: str) -> Level:
    return Level(file, "", gates_of(source.body))


def bar_gates(analysis: Analysis, tier: str, profile: str = "") -> dict[str, Written]:
    """Every gate of a bar by id, as far as the document can be read: the nearest level's own."""
    found: dict[str, Written] = {}
    for level in lineage(analysis, tier):
        found.update(level.gates)
    tightening = block_named(analysis.syntax, "profile", profile)
    if tightening is not None:
        found.update(gates_of(tightening.body))
    return dict(sorted(found.items()))
