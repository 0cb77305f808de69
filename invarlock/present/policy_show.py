"""A bar in a terminal: rich tables that fold, where someone looks on; plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TextIO

from invarlock.policy import show

if TYPE_CHECKING:
    from rich.table import Table

_WHOLE: Final = frozenset({"level", "setting", "value", "relation"})
"""Columns that do not fold."""


def print_sheet(found: show.Sheet, stream: TextIO | None = None) -> None:
    """Write ``found`` to ``stream`` (standard output)."""
    out = sys.stdout if stream is None else stream
    if not out.isatty():
        out.write(show.show_text(found) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out, highlight=False)
    for line in show.head_lines(found):
        console.print(Text(line))
    for heads, rows in (
        (show.SETTING_HEADINGS, show.setting_rows(found)),
        (show.GATE_HEADINGS, show.gate_rows(found)),
    ):
        console.print()
        console.print(_table(heads, rows))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head in _WHOLE)
    for row in rows:
        # Text, not markup: a slice may be named `[red]`.
        cells = [Text(cell) for cell in row]
        if row[0] == "warn":
            cells[0].stylize("yellow")
        table.add_row(*cells)
    return table
