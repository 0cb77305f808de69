"""One version of a document, read every way that the answers need it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from invarlock.authoring.server.names import Occurrence, occurrences
from invarlock.authoring.server.places import Encoding, Places
from invarlock.authoring.server.statements import Statement, statement_at, statements
from invarlock.errors import InvarlockError
from invarlock.policy.build import build
from invarlock.policy.check import check
from invarlock.policy.checked import Checked
from invarlock.policy.compile import Compiled, compile_policy
from invarlock.policy.diagnostics import PolicyFault
from invarlock.policy.parse import parse
from invarlock.policy.problems import Problems
from invarlock.policy.syntax import Source
from invarlock.policy.units import IncludeReader


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """What could be read of a text. ``syntax`` lacks the statements with syntax errors, and
    ``checked``, besides, those that do not check; it is ``None`` in another language version."""

    syntax: Source
    checked: Checked | None


def read_text(text: str, file: str = "") -> Read:
    """Read ``text`` as far as it goes; ``file`` is the path of an included one."""
    root, _ = parse(text)
    syntax = build(root, text, file)
    return Read(syntax, check(syntax, Problems()))


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A document: its text, statements, names, what was read, and what compiling it came to.

    ``reader`` is ``None`` where the document has no folder, so that nothing can be included.
    """

    text: str
    filename: str
    reader: IncludeReader | None
    places: Places
    statements: tuple[Statement, ...]
    names: tuple[Occurrence, ...]
    read: Read
    outcome: Compiled | PolicyFault

    def statement(self, offset: int) -> Statement:
        """The statement at ``offset``."""
        return statement_at(self.statements, offset)

    def name(self, offset: int) -> Occurrence | None:
        """The name declared or used at ``offset`` or just before it."""
        return next((name for name in self.names if name.start <= offset <= name.end), None)

    def included(self, alias: str) -> tuple[str, str] | None:
        """Path and text of the file included as ``alias``; ``None`` where it cannot be read."""
        for statement in self.statements:
            name = statement.after("as")
            if statement.kind == "include" and name is not None and name.text == alias:
                return self.include_at(statement)
        return None

    def include_at(self, statement: Statement) -> tuple[str, str] | None:
        """Path and text of the file that an ``include`` names; ``None`` where it cannot be
        read."""
        path = statement.after("include")
        return None if path is None else self.file(path.text.strip('"'))

    def file(self, path: str) -> tuple[str, str] | None:
        """Path and text of an included file; ``None`` where it cannot be read."""
        if self.reader is None:
            return None
        try:
            return path, self.reader(path).decode("utf-8", "replace")
        except InvarlockError:
            return None

    @property
    def snapshot(self) -> IncludeReader | None:
        """A reader of what compiling has read, so that compiling again cannot read anything else;
        ``None`` where the document does not compile."""
        outcome = self.outcome
        return outcome.includes.__getitem__ if isinstance(outcome, Compiled) else None

    def reader_from(self, file: str) -> IncludeReader | None:
        """The reader as the included ``file`` sees it: paths start at that file's folder."""
        reader, folder = self.reader, posixpath.dirname(file)
        if reader is None:
            return None
        return lambda path: reader(posixpath.join(folder, path))


def analyse(
    text: str,
    *,
    filename: str = "",
    reader: IncludeReader | None = None,
    encoding: Encoding = "utf-16",
) -> Analysis:
    """Read ``text`` every way. Pure but for ``reader``; ends on any text and raises nothing."""
    found = statements(text)
    return Analysis(
        text=text,
        filename=filename,
        reader=reader,
        places=Places(text, encoding),
        statements=found,
        names=occurrences(found),
        read=read_text(text),
        outcome=outcome(text, filename=filename, reader=reader),
    )


def outcome(
    text: str, *, filename: str = "", reader: IncludeReader | None = None
) -> Compiled | PolicyFault:
    """What compiling ``text`` comes to. A lone surrogate, which JSON can carry and UTF-8 cannot,
    is reported as such."""
    try:
        source = text.encode("utf-8", "surrogatepass")
        return compile_policy(source, filename=filename, includes=reader)
    except PolicyFault as fault:
        return fault
