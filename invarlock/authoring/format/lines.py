"""Lines of formatted source: what the layout decides on, and how paragraphs of them are aligned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

INDENT: Final = "  "
MAX_WIDTH: Final = 100
"""Columns of a line: what is longer is broken where that is possible."""
_WIDEST_CELL: Final = 60
"""Longer cells stand outside the alignment: one of them must not push all others away."""

Kind = Literal["gate", "setting", "given", "block", "plain", "item", "open", "close", "comment"]
_ALIGNED: Final = frozenset({"gate", "setting", "given", "block"})
_BRACES: Final = frozenset({"open", "close"})


@dataclass(slots=True, eq=False)
class Line:
    """One line: its cells, and what follows and surrounds it.

    ``column`` is the place of ``comment`` in the source. ``tail`` marks a comment that goes on
    from the trailing comment above; ``ends`` a line that ends its paragraph though no blank
    follows; ``blank`` asks for one before it.
    """

    depth: int
    kind: Kind
    cells: list[str]
    comment: str = ""
    column: int = -1
    tail: bool = False
    ends: bool = False
    blank: bool = False


def render(lines: Sequence[Line]) -> str:
    """The text of ``lines``, aligned, with a newline after each. Linear in its size."""
    out: list[str] = []
    for paragraph in _paragraphs(lines):
        if paragraph[0].blank and out:
            out.append("")
        out += _paragraph(paragraph)
    return "".join(f"{line}\n" for line in out)


def _paragraphs(lines: Iterable[Line]) -> Iterator[list[Line]]:
    current: list[Line] = []
    last: Line | None = None
    for line in lines:
        if last is not None and not line.tail and _parted(last, line):
            yield current
            current = []
        current.append(line)
        last = last if line.tail else line
    if current:
        yield current


def _parted(last: Line, line: Line) -> bool:
    braces = last.kind in _BRACES or line.kind in _BRACES
    return line.blank or last.ends or last.depth != line.depth or braces


def _paragraph(lines: list[Line]) -> list[str]:
    codes: list[str] = []
    statements = [line for line in lines if line.kind != "comment"]
    for kind, group in groupby(statements, key=lambda line: line.kind):
        run = list(group)
        codes += _aligned(run) if kind in _ALIGNED else _joined(run)
    commented = [len(c) for c, line in zip(codes, statements, strict=True) if line.comment]
    column = max((width for width in commented if width <= MAX_WIDTH), default=0) + 2
    return list(_with_comments(lines, iter(codes), column))


def _with_comments(lines: Iterable[Line], codes: Iterator[str], column: int) -> Iterator[str]:
    """Each line with its comment at ``column``, or two blanks after code that is longer."""
    place = column
    for line in lines:
        if line.tail:
            yield " " * place + line.comment
        elif line.kind == "comment":
            yield INDENT * line.depth + line.comment
        else:
            code = next(codes)
            place = max(column, len(code) + 2)
            yield code.ljust(place) + line.comment if line.comment else code


def _aligned(lines: list[Line]) -> list[str]:
    """Lines of one kind have the same cells; each column is as wide as its widest cell."""
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST_CELL), default=0)
        for column in zip(*(line.cells for line in lines), strict=True)
    ]
    widths[-1] = 0
    return [
        INDENT * line.depth
        + " ".join(c.ljust(w) for c, w in zip(line.cells, widths, strict=True)).rstrip()
        for line in lines
    ]


def _joined(lines: Iterable[Line]) -> list[str]:
    return [INDENT * line.depth + " ".join(line.cells) for line in lines]
