"""Answers → types of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from lsprotocol import types

from invarlock.authoring.server.answers import (
    Change,
    Choice,
    ChoiceKind,
    Finding,
    Fix,
    Hover,
    Symbol,
    SymbolKind,
)
from invarlock.authoring.server.places import Places

_SEVERITIES: Final = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "information": types.DiagnosticSeverity.Information,
}
_ITEMS: Final[dict[ChoiceKind, types.CompletionItemKind]] = {
    "keyword": types.CompletionItemKind.Keyword,
    "measure": types.CompletionItemKind.Field,
    "setting": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "unit": types.CompletionItemKind.Unit,
    "operator": types.CompletionItemKind.Operator,
    "name": types.CompletionItemKind.Class,
    "gate": types.CompletionItemKind.Reference,
}
_SYMBOLS: Final[dict[SymbolKind, types.SymbolKind]] = {
    "tier": types.SymbolKind.Class,
    "profile": types.SymbolKind.Interface,
    "test": types.SymbolKind.Method,
    "signer": types.SymbolKind.Key,
    "include": types.SymbolKind.Module,
    "settings": types.SymbolKind.Namespace,
    "gate": types.SymbolKind.Field,
}


def range_of(places: Places, start: int, end: int) -> types.Range:
    """The characters from ``start`` to ``end`` as a range."""
    first, last = places.place(start), places.place(end)
    return types.Range(types.Position(*first), types.Position(*last))


def diagnostic(places: Places, finding: Finding, second: types.Location | None) -> types.Diagnostic:
    """A finding as the editor lists it, the hint behind the message; ``second`` is its other
    place."""
    related = None
    if finding.related is not None and second is not None:
        related = [types.DiagnosticRelatedInformation(second, finding.related.message)]
    tail = f"; {finding.hint}" if finding.hint else ""
    return types.Diagnostic(
        range=range_of(places, finding.start, finding.end),
        message=finding.message + tail,
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        source="invarlock",
        related_information=related,
    )


def hover(places: Places, found: Hover) -> types.Hover:
    """A hover in Markdown."""
    content = types.MarkupContent(types.MarkupKind.Markdown, found.text)
    return types.Hover(content, range_of(places, found.start, found.end))


def completion(places: Places, choices: Sequence[Choice]) -> types.CompletionList:
    """Choices in their order, which the editor keeps by ``sort_text``."""
    items = [_item(places, place, choice) for place, choice in enumerate(choices)]
    return types.CompletionList(is_incomplete=False, items=items)


def _item(places: Places, place: int, choice: Choice) -> types.CompletionItem:
    text = choice.label + (" " if choice.label.endswith("=") and choice.kind != "operator" else "")
    page = types.MarkupContent(types.MarkupKind.Markdown, choice.page) if choice.page else None
    return types.CompletionItem(
        label=choice.label,
        kind=_ITEMS[choice.kind],
        detail=choice.detail or None,
        documentation=page,
        sort_text=f"{place:04}",
        filter_text=choice.label,
        text_edit=types.TextEdit(range_of(places, choice.start, choice.end), text),
    )


def edits(places: Places, changes: Iterable[Change]) -> list[types.TextEdit]:
    """Changes as edits of one version of the document."""
    return [types.TextEdit(range_of(places, c.start, c.end), c.replacement) for c in changes]


def action(places: Places, uri: str, fix: Fix, mended: types.Diagnostic) -> types.CodeAction:
    """A fix as a quick fix of its diagnostic."""
    return types.CodeAction(
        title=fix.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[mended],
        is_preferred=fix.preferred,
        edit=types.WorkspaceEdit(changes={uri: edits(places, fix.changes)}),
    )


def symbol(places: Places, found: Symbol) -> types.DocumentSymbol:
    """A symbol with what stands in it."""
    return types.DocumentSymbol(
        name=found.name,
        kind=_SYMBOLS[found.kind],
        range=range_of(places, found.start, found.end),
        selection_range=range_of(places, found.name_start, found.name_end),
        detail=found.detail,
        children=[symbol(places, child) for child in found.children],
    )
