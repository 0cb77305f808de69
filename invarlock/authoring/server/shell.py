"""The documents that an editor has open, and what is said of them, by pygls."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from invarlock import __version__
from invarlock.authoring.server import convert
from invarlock.authoring.server.analysis import Analysis, analyse
from invarlock.authoring.server.answers import Finding, Location
from invarlock.authoring.server.findings import findings
from invarlock.authoring.server.folder import folder_reader
from invarlock.authoring.server.places import Encoding, Places
from invarlock.policy.units import IncludeReader


class PolicyServer(LanguageServer):
    """The open documents, each analysed once for every state of them all: a policy may include
    another that is open."""

    def __init__(self) -> None:
        super().__init__(
            "invarlock", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full
        )
        self.generation = 0
        self.asked_to_stop = False
        self._analyses: dict[str, tuple[int, Analysis]] = {}

    def analysis(self, uri: str) -> Analysis:
        """The document as it is now."""
        known = self._analyses.get(uri)
        if known is not None and known[0] == self.generation:
            return known[1]
        document = self.workspace.get_text_document(uri)
        analysis = analyse(
            document.source,
            filename=Path(document.path or uri).name,
            reader=self._reader(uri),
            encoding=self.encoding,
        )
        self._analyses[uri] = (self.generation, analysis)
        return analysis

    @property
    def encoding(self) -> Encoding:
        """What client and server agreed to count columns in."""
        return cast("Encoding", str(getattr(self.workspace.position_encoding, "value", "utf-16")))

    def at(self, document: types.TextDocumentIdentifier, position: types.Position) -> int:
        """The character offset of ``position``."""
        places = self.analysis(document.uri).places
        return places.offset(position.line, position.character)

    def location(self, uri: str, found: Location) -> types.Location:
        """A place in the document ``uri`` or in a file that it includes."""
        if not found.file:
            places = self.analysis(uri).places
            return types.Location(uri, convert.range_of(places, found.start, found.end))
        path = Path(to_fs_path(uri) or "").parent / found.file
        places = Places(found.source, self.encoding)
        return types.Location(path.as_uri(), convert.range_of(places, found.start, found.end))

    def diagnostic(self, uri: str, finding: Finding) -> types.Diagnostic:
        """A finding as the editor lists it."""
        related = finding.related
        second = None if related is None else self.location(uri, related.place)
        return convert.diagnostic(self.analysis(uri).places, finding, second)

    def publish(self, uri: str) -> None:
        """Send what is wrong with a document."""
        analysis = self.analysis(uri)
        found = [self.diagnostic(uri, finding) for finding in findings(analysis)]
        version = self.workspace.get_text_document(uri).version
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    def publish_all(self) -> None:
        """Send what is wrong with every open document."""
        for uri in list(self.workspace.text_documents):
            self.publish(uri)

    def forget(self, uri: str) -> None:
        """Drop a document that was closed, and what was said of it."""
        self.generation += 1
        self._analyses.pop(uri, None)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def _reader(self, uri: str) -> IncludeReader | None:
        path = to_fs_path(uri)
        if path is None:
            return None
        opened = {
            Path(name): document.source
            for document_uri, document in self.workspace.text_documents.items()
            if (name := to_fs_path(document_uri)) is not None
        }
        return folder_reader(Path(path).parent, opened)
