"""Diagnostics: what is wrong with a policy, where, and what mends it.

Messages are lowercase, one line, with the user's text in backticks (DESIGN section 3). All
diagnostics of a file are reported at once, in the order of the source.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from invarlock.errors import UsageFault
from invarlock.policy.span import Span

MAX_SHOWN: Final = 60
"""Characters of the user's text that a message repeats."""
MAX_PLAIN: Final = 4000
"""Characters of a whole message."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``other`` is the second place concerned, such as the gate that is weakened.

    ``filename`` is that of the file in which ``span`` lies, ``other_filename`` that of ``other``.
    """

    code: str
    message: str
    hint: str
    span: Span
    filename: str = ""
    severity: Literal["error", "warning"] = "error"
    other: Span | None = None
    other_filename: str = ""

    def __str__(self) -> str:
        tail = f"; {self.hint}" if self.hint else ""
        where = f"{self.filename}:{self.span}: " if self.filename else f"{self.span}: "
        return f"{where}{self.severity} [INVARLOCK:{self.code}] {self.message}{tail}"


class PolicyFault(UsageFault):
    """One or more errors in a policy (exit 2). ``str()`` is one line for each diagnostic."""

    def __init__(
        self,
        diagnostics: Sequence[Diagnostic],
        source: bytes = b"",
        includes: Mapping[str, bytes] | None = None,
    ) -> None:
        first = next(d for d in diagnostics if d.severity == "error")
        super().__init__(first.code, first.message, first.hint)
        self.diagnostics = tuple(diagnostics)
        self.source = source
        self.includes = includes or {}

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> tuple[str, ...]:
        """One for each diagnostic."""
        return tuple(map(str, self.diagnostics))

    def document(self) -> dict[str, object]:
        """The error as JSON, with every diagnostic."""
        found = [diagnostic_json(diagnostic) for diagnostic in self.diagnostics]
        return {**super().document(), "diagnostics": found}


def named(diagnostic: Diagnostic, filename: str) -> Diagnostic:
    """``diagnostic`` with the names of its files: ``filename`` is that of the policy, beside or
    below which its includes lie."""
    folder = posixpath.dirname(filename)
    own = posixpath.join(folder, diagnostic.span.file) if diagnostic.span.file else filename
    second = ""
    if diagnostic.other is not None:
        inner = diagnostic.other.file
        second = posixpath.join(folder, inner) if inner else filename
    return replace(diagnostic, filename=own, other_filename=second)


def printable(text: str) -> str:
    """``text`` with control characters, lone surrogates and the like escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def plain(text: str) -> str:
    """Untrusted words as one line that may be long, but not without end."""
    return printable(text if len(text) <= MAX_PLAIN else text[: MAX_PLAIN - 1] + "…")


def shown(text: str) -> str:
    """The user's text as a message may repeat it: printable and capped."""
    safe = printable(text)
    return safe if len(safe) <= MAX_SHOWN else safe[: MAX_SHOWN - 1] + "…"


def render_text(
    diagnostic: Diagnostic, source: str, includes: Mapping[str, bytes] | None = None
) -> str:
    """The diagnostic, its source line and a caret under the place; no trailing newline.

    ``source`` is the policy, ``includes`` what it includes by path, as :class:`PolicyFault` has it.
    """

    def lines_of(span: Span) -> list[str]:
        if not span.file:
            return excerpt(span, source)
        return excerpt(span, (includes or {}).get(span.file, b"").decode(errors="replace"))

    lines = [str(diagnostic), *lines_of(diagnostic.span)]
    if diagnostic.other is not None:
        name = diagnostic.other_filename or diagnostic.filename
        lines.append(f"  the other place is {name}:{diagnostic.other}")
        lines += lines_of(diagnostic.other)
    return "\n".join(lines)


def excerpt(span: Span, source: str) -> list[str]:
    """The source line of a place, and a caret under it; nothing where there is no such line."""
    rows = source.split("\n")
    if span.line > len(rows):
        return []
    row = "".join(c if c.isprintable() else " " for c in rows[span.line - 1])
    # Long lines are cut to a stretch around the place, so that the caret stays on the screen.
    skip = max(0, span.column - 1 - MAX_SHOWN)
    piece = row[skip : skip + 2 * MAX_SHOWN].rstrip()
    end = span.end_column if span.end_line == span.line else len(row) + 1
    start = span.column - 1 - skip
    width = max(1, min(end - span.column, len(piece) - start))
    gutter = f"{span.line:>5} | "
    return [gutter + piece, " " * 5 + " | " + " " * start + "^" * width]


def span_json(span: Span) -> dict[str, int]:
    """The JSON form of a span."""
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The JSON form of a diagnostic, as in schema ``invarlock.policy.check/1``."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": diagnostic.filename,
        "span": span_json(diagnostic.span),
        "other": None if diagnostic.other is None else span_json(diagnostic.other),
        "other_file": diagnostic.other_filename or None,
    }


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Diagnostics in the order of the source, errors before warnings at one place, none twice;
    those of included files last."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=_order))


def _order(found: Diagnostic) -> tuple[str, Span, str, str, str]:
    return found.span.file, found.span, found.severity, found.code, found.message
