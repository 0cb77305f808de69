"""The outline of a document: its blocks, and the gates in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Symbol, SymbolKind
from invarlock.policy.span import Span
from invarlock.policy.syntax import Block, Gate, Include, Statement

_BLOCKS: Final[dict[str, SymbolKind]] = {
    "tier": "tier",
    "profile": "profile",
    "test": "test",
    "signer": "signer",
}


def outline(analysis: Analysis) -> tuple[Symbol, ...]:
    """Blocks, includes and gates of the document, in order; what cannot be read is left out."""
    return tuple(_symbols(analysis, analysis.read.syntax.body))


def _symbols(analysis: Analysis, body: Iterable[Statement]) -> Iterator[Symbol]:
    for statement in body:
        match statement:
            case Gate():
                yield _gate(analysis, statement)
            case Block():
                yield _block(analysis, statement)
            case Include():
                alias = statement.alias
                symbol = Symbol(alias.text, "include", statement.path.text)
                yield _placed(analysis, symbol, statement.span, alias.span)


def _gate(analysis: Analysis, gate: Gate) -> Symbol:
    name = analysis.text[slice(*analysis.places.span(gate.subject.span))]
    relation = analysis.text[slice(*analysis.places.span(gate.relation.span))]
    return _placed(analysis, Symbol(name, "gate", relation), gate.span, gate.subject.span)


def _block(analysis: Analysis, block: Block) -> Symbol:
    head = block.kind if block.label is None else block.label
    refines = "" if block.refines is None else f" refines {block.refines.text}"
    symbol = Symbol(
        name=head.text.strip() or "unnamed",
        kind=_BLOCKS.get(block.kind.text, "settings"),
        detail=block.kind.text + refines,
        children=tuple(_symbols(analysis, block.body)),
    )
    return _placed(analysis, symbol, block.span, head.span)


def _placed(analysis: Analysis, symbol: Symbol, whole: Span, name: Span) -> Symbol:
    """An editor refuses a symbol whose name stands outside it."""
    start, end = analysis.places.span(whole)
    end = max(end, start)
    name_start, name_end = (min(max(at, start), end) for at in analysis.places.span(name))
    return replace(symbol, start=start, end=end, name_start=name_start, name_end=name_end)
