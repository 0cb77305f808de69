"""The server as an editor meets it: a process, spoken to over stdio by a real LSP client."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from invarlock.authoring.format import format_source
from invarlock.policy import compile_policy
from tests.authoring.server.support import HOUSE, WHOLE

T = TypeVar("T")
_COMMAND = ("-m", "invarlock", "language-server")


class Editor:
    """A client with one server process. Each call runs the loop until its answer is there."""

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self.runner, self.folder = runner, folder
        self.troubles: list[str] = []
        self.client = LanguageClient("editor", "1")
        self.said: dict[str, asyncio.Queue[types.PublishDiagnosticsParams]] = defaultdict(
            asyncio.Queue
        )

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def said(params: types.PublishDiagnosticsParams) -> None:
            self.said[params.uri].put_nowait(params)

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        def shown(params: types.ShowMessageParams) -> None:
            self.troubles.append(params.message)

        self.capabilities = self.run(self._start())

    async def _start(self) -> types.ServerCapabilities:
        await self.client.start_io(sys.executable, *_COMMAND, "--stdio")
        general = types.GeneralClientCapabilities(
            position_encodings=[types.PositionEncodingKind.Utf16]
        )
        document = types.TextDocumentClientCapabilities(
            rename=types.RenameClientCapabilities(prepare_support=True)
        )
        asked = types.InitializeParams(
            types.ClientCapabilities(text_document=document, general=general)
        )
        result = await self.client.initialize_async(asked)
        self.client.initialized(types.InitializedParams())
        return result.capabilities

    def run(self, awaitable: Awaitable[T]) -> T:
        async def bounded() -> T:
            return await asyncio.wait_for(awaitable, 15)

        return self.runner.run(bounded())

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def diagnostics(self, name: str) -> list[types.Diagnostic]:
        """What the server says next of the document: at each event it speaks once of each that
        is open."""
        return list(self.run(self.said[self.uri(name)].get()).diagnostics)

    def open(self, name: str, text: str) -> list[types.Diagnostic]:
        document = types.TextDocumentItem(self.uri(name), "invar", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        return self.diagnostics(name)

    def change(self, name: str, text: str) -> list[types.Diagnostic]:
        document = types.VersionedTextDocumentIdentifier(2, self.uri(name))
        change = types.TextDocumentContentChangeWholeDocument(text)
        params = types.DidChangeTextDocumentParams(document, [change])
        self.client.text_document_did_change(params)
        return self.diagnostics(name)

    def close(self, name: str) -> None:
        document = types.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))
        assert self.diagnostics(name) == []

    def stop(self) -> int | None:
        """Leave as the protocol says; the server's exit code."""
        self.run(self.client.shutdown_async(None))
        self.client.exit(None)
        assert self.troubles == []
        server = self.client._server
        assert server is not None
        assert server.stderr is not None
        self.run(server.wait())
        assert self.run(server.stderr.read()) == b""
        self.run(self.client.stop())
        return server.returncode


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with asyncio.Runner() as runner:
        editor = Editor(runner, tmp_path_factory.mktemp("policies"))
        yield editor
        assert editor.stop() == 0


def place(text: str, piece: str, after: int = 0) -> types.Position:
    """The position ``after`` characters into ``piece``, on a text without wide characters."""
    offset = text.index(piece) + after
    line = text.count("\n", 0, offset)
    return types.Position(line, offset - (text.rfind("\n", 0, offset) + 1))


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """``text`` after edits that do not overlap."""
    rows = [0, *(n + 1 for n, c in enumerate(text) if c == "\n")]
    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character))[::-1]:
        start, end = (rows[p.line] + p.character for p in (edit.range.start, edit.range.end))
        text = text[:start] + edit.new_text + text[end:]
    return text


def errors(found: list[types.Diagnostic]) -> list[types.Diagnostic]:
    return [d for d in found if d.severity == types.DiagnosticSeverity.Error]


def test_it_says_what_it_can(editor: Editor) -> None:
    can = editor.capabilities
    assert can.position_encoding == "utf-16"
    assert can.hover_provider
    assert can.definition_provider
    assert can.references_provider
    assert can.document_formatting_provider
    assert can.document_symbol_provider
    assert can.completion_provider is not None
    assert isinstance(can.rename_provider, types.RenameOptions)
    assert can.rename_provider.prepare_provider
    assert isinstance(can.code_action_provider, types.CodeActionOptions)


def test_diagnostics_follow_the_text(editor: Editor) -> None:
    slip = WHOLE.replace('sample "1.0.0"', 'sample "1.😀"  # σ😀').replace("drift", "drif")
    slip = slip.replace(
        "  require perplexity.drif", '  # 😀\n  warn kl.p99 on "😀" <= 1; require x.y'
    )
    opened = errors(editor.open("p.invar", slip))
    assert [d.code for d in opened] == ["E102"]
    (found,) = opened
    assert found.source == "invarlock"
    assert found.code_description is None
    row = slip.split("\n")[found.range.start.line]
    column = len(row[: row.index("x.y")].encode("utf-16-le")) // 2
    assert found.range.start.character == column == row.index("x.y") + 1
    assert found.range.end.character == column + 3

    weaker = WHOLE.replace('on "code" <= 1.1\n', 'on "code" <= 1.3\n')
    (found,) = [d for d in editor.change("p.invar", weaker) if d.code == "E106"]
    assert found.related_information is not None
    (other,) = found.related_information
    assert other.location.uri == editor.uri("p.invar")
    assert other.location.range.start == place(WHOLE, 'require perplexity.ratio on "code" <= 120%')

    fine = editor.change("p.invar", WHOLE)
    assert not errors(fine)
    assert {"E117", "unit-words"} <= {str(d.code) for d in fine}  # the compiler's, and lint's
    editor.close("p.invar")


def test_hover_and_completion(editor: Editor) -> None:
    editor.open("p.invar", WHOLE)
    document = types.TextDocumentIdentifier(editor.uri("p.invar"))
    where = place(WHOLE, "<= 1.1\n", 1)
    hover = editor.run(editor.client.text_document_hover_async(types.HoverParams(document, where)))
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert "tightens `require … <= 1.2` of tier `loose`" in hover.contents.value
    where = place(WHOLE, "refines loose", len("refines "))
    params = types.CompletionParams(document, where)
    choices = editor.run(editor.client.text_document_completion_async(params))
    assert isinstance(choices, types.CompletionList)
    assert [item.label for item in choices.items] == ["loose"]
    editor.close("p.invar")


def test_definition_across_an_include(editor: Editor) -> None:
    (editor.folder / "house.invar").write_text(HOUSE)
    pin = compile_policy(HOUSE.encode(), filename="").ir.digest
    text = WHOLE.replace("windows {", f'include "house.invar" {pin} as house\nwindows {{')
    text = text.replace("tier loose {", "tier loose refines house.balanced {")
    text = text.replace("warn kl.mean", "require kl.mean")
    assert not errors(editor.open("p.invar", text))
    document = types.TextDocumentIdentifier(editor.uri("p.invar"))
    where = place(text, "house.balanced", len("house.b"))
    found = editor.run(
        editor.client.text_document_definition_async(types.DefinitionParams(document, where))
    )
    assert isinstance(found, types.Location)
    assert found.uri == editor.uri("house.invar")
    assert found.range.start == place(HOUSE, "tier balanced", len("tier "))
    editor.close("p.invar")


def test_an_included_file_that_is_being_typed(editor: Editor) -> None:
    (editor.folder / "typed.invar").write_text(HOUSE)
    pin = compile_policy(HOUSE.encode(), filename="").ir.digest
    text = WHOLE.replace("windows {", f'include "typed.invar" {pin} as house\nwindows {{')
    text = text.replace("tier loose {", "tier loose refines house.base {")
    text = text.replace("warn kl.mean", "require kl.mean")
    assert not errors(editor.open("p.invar", text))

    looser = HOUSE.replace("kl.mean <= 0.5 nats", "kl.mean <= 0.6 nats")
    editor.open("typed.invar", looser)  # unsaved: the disk still holds what was pinned
    (found,) = errors(editor.diagnostics("p.invar"))
    assert found.code == "E123"

    stricter = HOUSE.replace("kl.mean <= 0.5 nats", "kl.mean <= 0.1 nats")
    editor.change("typed.invar", stricter)
    (found,) = [d for d in editor.diagnostics("p.invar") if d.code == "E106"]
    assert found.related_information is not None
    (other,) = found.related_information
    assert other.location.uri == editor.uri("typed.invar")
    assert other.location.range.start == place(HOUSE, "require kl.mean")
    editor.close("typed.invar")
    assert not errors(editor.diagnostics("p.invar"))
    editor.close("p.invar")


def test_references_and_rename(editor: Editor) -> None:
    editor.open("p.invar", WHOLE)
    client, document = editor.client, types.TextDocumentIdentifier(editor.uri("p.invar"))
    where = place(WHOLE, "tier tight", len("tier ti"))
    context = types.ReferenceContext(include_declaration=True)
    params = types.ReferenceParams(context, document, where)
    assert len(editor.run(client.text_document_references_async(params)) or ()) == 2
    prepared = editor.run(
        client.text_document_prepare_rename_async(types.PrepareRenameParams(document, where))
    )
    assert isinstance(prepared, types.PrepareRenamePlaceholder)
    assert prepared.placeholder == "tight"
    edit = editor.run(
        client.text_document_rename_async(types.RenameParams(document, where, "strict"))
    )
    assert edit is not None
    assert edit.changes is not None
    renamed = applied(WHOLE, list(edit.changes[document.uri]))
    assert renamed == WHOLE.replace("tight", "strict")
    with pytest.raises(JsonRpcException, match=r"E701.*word of the catalogue"):
        where = place(WHOLE, "kl.mean")
        editor.run(client.text_document_rename_async(types.RenameParams(document, where, "x")))
    editor.close("p.invar")


def test_format_and_outline(editor: Editor) -> None:
    text = WHOLE.replace("tier loose {", "tier   loose  {")
    editor.open("p.invar", text)
    client, document = editor.client, types.TextDocumentIdentifier(editor.uri("p.invar"))
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = editor.run(
        client.text_document_formatting_async(types.DocumentFormattingParams(document, options))
    )
    expected = format_source(text.encode(), filename="").decode()
    assert expected != text
    assert applied(text, list(edits or ())) == expected
    symbols = editor.run(
        client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    )
    assert [symbol.name for symbol in symbols or ()][3:6] == ["loose", "tight", "ci"]
    editor.close("p.invar")


def test_a_quick_fix_mends_its_diagnostic(editor: Editor) -> None:
    text = WHOLE.replace("perplexity.drift", "perplexity.drif")
    (found,) = [d for d in editor.open("p.invar", text) if d.code == "E102"]
    document = types.TextDocumentIdentifier(editor.uri("p.invar"))
    context = types.CodeActionContext([found], only=[types.CodeActionKind.QuickFix])
    params = types.CodeActionParams(document, found.range, context)
    (action,) = editor.run(editor.client.text_document_code_action_async(params)) or ()
    assert isinstance(action, types.CodeAction)
    assert action.title == "replace by `perplexity.drift`"
    assert action.edit is not None
    assert action.edit.changes is not None
    mended = applied(text, list(action.edit.changes[document.uri]))
    assert mended == WHOLE
    context = types.CodeActionContext([found], only=[types.CodeActionKind.Refactor])
    params = types.CodeActionParams(document, found.range, context)
    assert not editor.run(editor.client.text_document_code_action_async(params))
    assert not [d for d in editor.change("p.invar", mended) if d.code == "E102"]
    editor.close("p.invar")


def test_an_editor_that_goes_without_a_word() -> None:
    done = subprocess.run(
        [sys.executable, *_COMMAND], input=b"", capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr == b""


def test_without_the_extra_one_line_names_it() -> None:
    code = (
        "import sys; sys.modules['pygls'] = None; "
        "from invarlock.cli import main; sys.exit(main(['language-server']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 6
    assert done.stderr == (
        "invarlock: [INVARLOCK:E605] `pygls` is not installed; pip install 'invarlock[advanced]'\n"
    )
