"""One version of a document, read every way that the answers need it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from invarlock.authoring.server.names import Occurrence, occurrences
from invarlock.authoring.server.places import Places
from invarlock.authoring.server.statements import Statement, statement_at, statements
from invarlock.errors import InvarlockError
from invarlock.policy.build import build
from invarlock.policy.compile import Compiled, compile_policy
from invarlock.policy.diagnostics import PolicyFault
from invarlock.policy.parse import parse
from invarlock.policy.syntax import Source

Reader = Callable[[str], bytes]
"""Source of an included file, by its path relative to the folder of the policy that is open.

Raises :class:`InvarlockError` where it may not or cannot be read.
"""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A document: its text, statements, names, syntax, and what compiling it came to.

    ``syntax`` lacks the statements that could not be read. ``reader`` is ``None`` where the
    document has no folder, so that nothing can be included.
    """

    text: str
    filename: str
    reader: Reader | None
    places: Places
    statements: tuple[Statement, ...]
    names: tuple[Occurrence, ...]
    syntax: Source
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
            name, path = statement.after("as"), statement.after("include")
            if statement.kind == "include" and name is not None and name.text == alias:
                return None if path is None else self.read(path.text.strip('"'))
        return None

    def read(self, path: str) -> tuple[str, str] | None:
        """Normalised path and text of an included file; ``None`` where it cannot be read."""
        if self.reader is None or not path:
            return None
        path = posixpath.normpath(path)
        try:
            return path, self.reader(path).decode("utf-8", "replace")
        except InvarlockError:
            return None


def analyse(text: str, *, filename: str = "", reader: Reader | None = None) -> Analysis:
    """Read ``text`` every way. Pure but for ``reader``; ends on any text and raises nothing."""
    found = statements(text)
    root, _ = parse(text)
    return Analysis(
        text=text,
        filename=filename,
        reader=reader,
        places=Places(text),
        statements=found,
        names=occurrences(found),
        syntax=build(root, text),
        outcome=outcome(text, filename=filename, reader=reader),
    )


def outcome(text: str, *, filename: str = "", reader: Reader | None = None) -> Compiled | PolicyFault:
    """What compiling ``text`` comes to. A lone surrogate, which JSON can carry and UTF-8 cannot,
    is reported as such."""
    try:
        return compile_policy(text.encode("utf-8", "surrogatepass"), filename=filename)
    except PolicyFault as fault:
        return fault
