"""Places in a source file."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of source: lines and columns count from 1, columns in characters; the end column
    is the one after the last character.

    ``file`` is the path of an included file, from the folder of the policy that is compiled; it is
    empty for the policy itself.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    file: str = ""

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"

    @property
    def words(self) -> str:
        """The line, and the file if it is an included one: ``line 5 of `house.invar```."""
        return f"line {self.line}" + (f" of `{self.file}`" if self.file else "")


class Lines:
    """Maps character offsets of one text to spans in ``file``."""

    def __init__(self, text: str, file: str = "") -> None:
        self._starts = [0, *(n + 1 for n, char in enumerate(text) if char == "\n")]
        self._file = file

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset ``start`` up to but not including ``end``."""
        return Span(*self._place(start), *self._place(end), self._file)

    def offset(self, line: int, column: int) -> int:
        """The offset of the character at ``line`` and ``column``."""
        return self._starts[line - 1] + column - 1

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
