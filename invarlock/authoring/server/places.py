"""Character offsets ↔ the protocol's positions.

The protocol counts lines from 0, ends them at ``\\n``, ``\\r\\n`` or ``\\r``, and counts columns in
UTF-16 code units unless client and server agree on another encoding (LSP 3.17, "Position").
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from invarlock.policy.span import Span

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class Place(NamedTuple):
    """A position of the protocol: line from 0, column in code units."""

    line: int
    character: int


class Places:
    """Maps the offsets of one text to positions and back, and the compiler's spans to offsets."""

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self._text = text
        self._encoding = encoding
        self._starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
        # The compiler ends lines at `\n` alone.
        self._rows = [0, *(n + 1 for n, char in enumerate(text) if char == "\n")]

    def place(self, offset: int) -> Place:
        """The position of ``offset``, which is moved into the text."""
        offset = min(max(offset, 0), len(self._text))
        line = bisect_right(self._starts, offset) - 1
        before = self._text[self._starts[line] : offset]
        return Place(line, sum(map(self._width, before)))

    def offset(self, line: int, character: int) -> int:
        """The offset of a position; one past the end of its line means that end, one past the
        last line the end of the text."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self._text)
        start = self._starts[line]
        end = self._starts[line + 1] if line + 1 < len(self._starts) else len(self._text)
        row = self._text[start:end].rstrip("\r\n")
        reached = accumulate(map(self._width, row))
        return start + sum(1 for units in reached if units <= character)

    def span(self, span: Span) -> tuple[int, int]:
        """The offsets of a span of the compiler."""
        return self._find(span.line, span.column), self._find(span.end_line, span.end_column)

    def _find(self, line: int, column: int) -> int:
        if line > len(self._rows):
            return len(self._text)
        return min(self._rows[line - 1] + column - 1, len(self._text))

    def _width(self, char: str) -> int:
        if self._encoding == "utf-32":
            return 1
        if self._encoding == "utf-16":
            return 2 if ord(char) > 0xFFFF else 1
        return len(char.encode("utf-8", "surrogatepass"))
