"""What the server does for an editor: one handler a request, each an answer put in the
protocol's words."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from invarlock.authoring.server import convert
from invarlock.authoring.server.completion import completions
from invarlock.authoring.server.fixes import quick_fixes
from invarlock.authoring.server.hover import hover
from invarlock.authoring.server.layout import formatted
from invarlock.authoring.server.navigation import definition, references
from invarlock.authoring.server.outline import outline
from invarlock.authoring.server.rename import rename, renameable
from invarlock.authoring.server.shell import PolicyServer
from invarlock.errors import EXIT_FAIL, EXIT_PASS, InvarlockError

_PAUSE: Final = 0.1
"""Seconds of quiet before a text being typed is compiled."""
_REQUEST_FAILED: Final = -32803
"""LSP 3.17, ``ErrorCodes.RequestFailed``: the request was understood, and cannot be met."""


def serve() -> int:
    """Serve one editor on standard input and output until it leaves.

    Returns the exit code: 0 after the protocol's ``shutdown``, 1 without (LSP 3.17, "Exit
    Notification").
    """
    # pygls logs a traceback for every request that is refused; the refusal itself goes to the
    # editor, and standard error is where an editor shows a server's troubles to a person.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    server = make_server()
    server.start_io()
    return EXIT_PASS if server.asked_to_stop else EXIT_FAIL


def make_server() -> PolicyServer:
    """A server with every feature."""
    server = PolicyServer()
    for method, handler in (
        (types.TEXT_DOCUMENT_DID_OPEN, _opened),
        (types.TEXT_DOCUMENT_DID_CHANGE, _changed),
        (types.TEXT_DOCUMENT_DID_SAVE, _saved),
        (types.TEXT_DOCUMENT_DID_CLOSE, _closed),
        (types.SHUTDOWN, _shutdown),
        (types.TEXT_DOCUMENT_HOVER, _hover),
        (types.TEXT_DOCUMENT_DEFINITION, _definition),
        (types.TEXT_DOCUMENT_REFERENCES, _references),
        (types.TEXT_DOCUMENT_RENAME, _rename),
        (types.TEXT_DOCUMENT_FORMATTING, _format),
        (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, _outline),
    ):
        server.feature(method)(handler)
    triggers = types.CompletionOptions(trigger_characters=[" ", ".", "{"])
    server.feature(types.TEXT_DOCUMENT_COMPLETION, triggers)(_complete)
    kinds = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)(_actions)
    server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)(_prepare_rename)
    return server


# --- documents ------------------------------------------------------------------------------


def _opened(server: PolicyServer, params: types.DidOpenTextDocumentParams) -> None:
    server.generation += 1
    server.publish_all()


async def _changed(server: PolicyServer, params: types.DidChangeTextDocumentParams) -> None:
    server.generation += 1
    typed = server.generation
    await asyncio.sleep(_PAUSE)
    if server.generation == typed:
        server.publish_all()


def _saved(server: PolicyServer, params: types.DidSaveTextDocumentParams) -> None:
    server.generation += 1
    server.publish_all()


def _closed(server: PolicyServer, params: types.DidCloseTextDocumentParams) -> None:
    server.forget(params.text_document.uri)
    server.publish_all()


def _shutdown(server: PolicyServer, params: None) -> None:
    server.asked_to_stop = True


# --- requests -------------------------------------------------------------------------------


def _hover(server: PolicyServer, params: types.HoverParams) -> types.Hover | None:
    analysis = server.analysis(params.text_document.uri)
    found = hover(analysis, server.at(params.text_document, params.position))
    return None if found is None else convert.hover(analysis.places, found)


def _complete(server: PolicyServer, params: types.CompletionParams) -> types.CompletionList:
    analysis = server.analysis(params.text_document.uri)
    offset = server.at(params.text_document, params.position)
    return convert.completion(analysis.places, completions(analysis, offset))


def _definition(server: PolicyServer, params: types.DefinitionParams) -> types.Location | None:
    uri = params.text_document.uri
    found = definition(server.analysis(uri), server.at(params.text_document, params.position))
    return None if found is None else server.location(uri, found)


def _references(server: PolicyServer, params: types.ReferenceParams) -> list[types.Location]:
    uri = params.text_document.uri
    offset = server.at(params.text_document, params.position)
    wanted = params.context.include_declaration
    found = references(server.analysis(uri), offset, declaration=wanted)
    return [server.location(uri, place) for place in found]


def _prepare_rename(
    server: PolicyServer, params: types.PrepareRenameParams
) -> types.PrepareRenamePlaceholder:
    analysis = server.analysis(params.text_document.uri)
    try:
        name = renameable(analysis, server.at(params.text_document, params.position))
    except InvarlockError as fault:
        raise _refused(fault) from fault
    text = analysis.text[name.start : name.end]
    where = convert.range_of(analysis.places, name.start, name.end)
    return types.PrepareRenamePlaceholder(where, text)


def _rename(server: PolicyServer, params: types.RenameParams) -> types.WorkspaceEdit:
    uri = params.text_document.uri
    analysis = server.analysis(uri)
    offset = server.at(params.text_document, params.position)
    try:
        changes = rename(analysis, offset, params.new_name)
    except InvarlockError as fault:
        raise _refused(fault) from fault
    return types.WorkspaceEdit(changes={uri: convert.edits(analysis.places, changes)})


def _format(server: PolicyServer, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    analysis = server.analysis(params.text_document.uri)
    try:
        return convert.edits(analysis.places, formatted(analysis))
    except InvarlockError as fault:
        raise _refused(fault) from fault


def _actions(server: PolicyServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    only = params.context.only
    if only is not None and not {"", types.CodeActionKind.QuickFix.value} & set(only):
        return []
    uri = params.text_document.uri
    analysis = server.analysis(uri)
    start = server.at(params.text_document, params.range.start)
    end = server.at(params.text_document, params.range.end)
    return [
        convert.action(analysis.places, uri, fix, server.diagnostic(uri, fix.finding))
        for fix in quick_fixes(analysis, start, end)
    ]


def _outline(
    server: PolicyServer, params: types.DocumentSymbolParams
) -> list[types.DocumentSymbol]:
    analysis = server.analysis(params.text_document.uri)
    return [convert.symbol(analysis.places, found) for found in outline(analysis)]


def _refused(fault: InvarlockError) -> JsonRpcException:
    return JsonRpcException(str(fault), _REQUEST_FAILED)
