"""Places in a source file."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of source: lines and columns count from 1, columns in characters; the end column
    is the one after the last character."""

    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class Lines:
    """Maps character offsets of one text to spans."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(n + 1 for n, char in enumerate(text) if char == "\n")]

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset ``start`` up to but not including ``end``."""
        return Span(*self._place(start), *self._place(end))

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
