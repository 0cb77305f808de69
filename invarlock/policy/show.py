"""One bar as a table that a reviewer can sign off: what it asks, in words, and who says so.

Pure. The JSON document is ``invarlock.policy.show/1``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from invarlock.policy.build import build
from invarlock.policy.catalogue import MEASURES, SETTINGS
from invarlock.policy.compile import Compiled
from invarlock.policy.diagnostics import span_json
from invarlock.policy.ir import Gate
from invarlock.policy.parse import parse
from invarlock.policy.span import Span
from invarlock.policy.syntax import Block
from invarlock.policy.words import meaning, relation_text, setting_text

Document = dict[str, object]
_TOP: Final = "top level"
_SCOPES: Final = frozenset({"tier", "profile"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a number came from: a block (``top level``, ``tier balanced``) and its place."""

    scope: str
    filename: str
    span: Span

    def __str__(self) -> str:
        return f"{self.span.words}, {self.scope}"


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate of the bar. ``instead`` is what the bar would ask without the profile, or without
    the tier's own statement, and where that is written."""

    gate: Gate
    relation: str
    meaning: str
    origin: Origin
    how: Literal["own", "inherited", "tightened", "added"]
    instead: tuple[str, Origin] | None = None

    @property
    def source(self) -> str:
        """Where the number came from, in one line."""
        match self.how:
            case "own":
                return str(self.origin)
            case "inherited":
                return f"{self.origin}, inherited"
            case "added":
                return f"{self.origin}, added"
            case "tightened":
                before = f" `{self.instead[0]}` of {self.instead[1]}" if self.instead else ""
                return f"{self.origin}, tightens{before}"


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting of the bar. ``origin`` is ``None`` for a default of the language."""

    name: str
    value: str
    text: str
    meaning: str
    origin: Origin | None

    @property
    def source(self) -> str:
        """Where the value came from, in one line."""
        return "default" if self.origin is None else str(self.origin)


@dataclass(frozen=True, slots=True)
class Sheet:
    """All of one bar, in the order in which it is shown."""

    compiled: Compiled
    filename: str
    name: str
    settings: tuple[SettingRow, ...]
    gates: tuple[GateRow, ...]


def sheet(compiled: Compiled, name: str, filename: str) -> Sheet:
    """The bar ``name`` of ``compiled``, which was read from ``filename``."""
    places = _Places(compiled, filename)
    bar, set_at = compiled.ir.bars[name], compiled.setting_spans[name]
    rows = []
    for key, value in sorted(bar.settings.items()):
        summary, origin = SETTINGS[key].summary, places.known(set_at.get(key))
        rows.append(SettingRow(key, value, setting_text(key, value), summary, origin))
    gates = tuple(_gate_row(gate, compiled, name, places) for gate in bar.gates)
    return Sheet(compiled, filename, name, tuple(rows), gates)


def _gate_row(gate: Gate, compiled: Compiled, name: str, places: _Places) -> GateRow:
    tier, _, profile = name.partition("+")
    bar = compiled.ir.bars[name]
    origin = places.origin(compiled.spans[name][gate.id])
    how: Literal["own", "inherited", "tightened", "added"] = "own"
    instead = None
    own = not origin.span.file
    if profile and own and origin.scope == f"profile {profile}":
        before = compiled.ir.bars[tier].gate(gate.id)
        how = "added"
        if before is not None:
            how = "tightened"
            instead = (relation_text(before), places.origin(compiled.spans[tier][gate.id]))
    elif not own or origin.scope != f"tier {tier}":
        how = "inherited"
    words = meaning(gate, bar.settings)
    return GateRow(gate, relation_text(gate), words, origin, how, instead)


class _Places:
    """Which block of which file a place lies in."""

    def __init__(self, compiled: Compiled, filename: str) -> None:
        self.filename = filename
        sources = {"": compiled.source, **compiled.includes}
        self.blocks = {name: dict(_scopes(source)) for name, source in sources.items()}

    def origin(self, span: Span) -> Origin:
        """The block around ``span``."""
        folder = posixpath.dirname(self.filename)
        filename = posixpath.join(folder, span.file) if span.file else self.filename
        for name, block in self.blocks[span.file].items():
            start = (block.span.line, block.span.column)
            if start <= (span.line, span.column) and _end(span) <= _end(block.span):
                return Origin(name, filename, span)
        return Origin(_TOP, filename, span)

    def known(self, span: Span | None) -> Origin | None:
        """The block around ``span``, if there is one."""
        return None if span is None else self.origin(span)


def _end(span: Span) -> tuple[int, int]:
    return span.end_line, span.end_column


def _scopes(source: bytes) -> Iterator[tuple[str, Block]]:
    """Tiers and profiles by the name that is shown: ``tier NAME``."""
    text = source.decode()
    for statement in build(parse(text)[0], text).body:
        if isinstance(statement, Block) and statement.kind.text in _SCOPES and statement.label:
            yield f"{statement.kind.text} {statement.label.text}", statement


def show_document(found: Sheet) -> Document:
    """``invarlock.policy.show/1``: settings and gates with words and places."""
    compiled, bar = found.compiled, found.compiled.ir.bars[found.name]
    return {
        "schema": "invarlock.policy.show/1",
        "policy": {"name": compiled.name, "version": compiled.version},
        "file": found.filename,
        "bar": found.name,
        "bar_digest": bar.digest,
        "source_digest": compiled.source_digest,
        "task": bar.task,
        "settings": [
            {
                "name": row.name,
                "value": row.value,
                "text": row.text,
                "meaning": row.meaning,
                "origin": None if row.origin is None else _origin_json(row.origin),
            }
            for row in found.settings
        ],
        "gates": [_gate_json(row) for row in found.gates],
    }


def _gate_json(row: GateRow) -> Document:
    unit = MEASURES[row.gate.measure].unit
    before = row.instead
    return {
        "id": row.gate.id,
        "level": row.gate.level,
        "measure": row.gate.measure,
        "relation": row.gate.relation.document(),
        "text": row.relation,
        "unit": None if unit is None else unit.value,
        "meaning": row.meaning,
        "how": row.how,
        "origin": _origin_json(row.origin),
        "instead": None if before is None else {"text": before[0], **_origin_json(before[1])},
    }


def _origin_json(origin: Origin) -> Document:
    return {"scope": origin.scope, "file": origin.filename, "span": span_json(origin.span)}


def head_lines(found: Sheet) -> tuple[str, ...]:
    """What stands above the tables."""
    compiled, bar = found.compiled, found.compiled.ir.bars[found.name]
    return (
        f"policy {compiled.name} {compiled.version}, task {bar.task}",
        f"file   {found.filename}",
        f"bar    {found.name}",
        f"digest {bar.digest}",
        f"source {compiled.source_digest}",
    )


SETTING_HEADINGS: Final = ("setting", "value", "meaning", "from")
GATE_HEADINGS: Final = ("level", "gate", "relation", "meaning", "from")


def setting_rows(found: Sheet) -> list[tuple[str, ...]]:
    """The settings as cells under :data:`SETTING_HEADINGS`."""
    return [(row.name, row.text, row.meaning, row.source) for row in found.settings]


def gate_rows(found: Sheet) -> list[tuple[str, ...]]:
    """The gates as cells under :data:`GATE_HEADINGS`."""
    return [
        (row.gate.level, row.gate.id, row.relation, row.meaning, row.source) for row in found.gates
    ]


def show_text(found: Sheet) -> str:
    """The bar as plain aligned tables."""
    settings = [SETTING_HEADINGS, *setting_rows(found)]
    gates = [GATE_HEADINGS, *gate_rows(found)]
    return "\n".join([*head_lines(found), "", *_table(settings), "", *_table(gates)])


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
