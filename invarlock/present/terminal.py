"""A report in a terminal: rich where someone looks on, plain lines where a program reads."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, TextIO

from invarlock.judge.records import Report, ReportedGate
from invarlock.judge.verdict import GateOutcome
from invarlock.present import words

if TYPE_CHECKING:
    from rich.console import Console

STYLE: Final[dict[GateOutcome, str]] = {
    "pass": "green",
    "fail": "red",
    "inconclusive": "yellow",
    "incomplete": "magenta",
    "pending": "cyan",
}
_HEADINGS: Final = ("verdict", "gate", "observed", "interval", "bound", "margin")
_RIGHT: Final = frozenset({"observed", "interval", "margin"})
_STAYS: Final = "plan: "
"""Begins lines that are to stay when the moving one has gone."""
_COUNTED: Final = re.compile(r"(\d+) of (\d+)")
_ROOMY: Final = 104
"""Columns of a terminal from which on the interval has room; `report explain` always has it."""


def print_verdict(report: Report, stream: TextIO | None = None) -> None:
    """Write verdict and gates to ``stream`` (standard output), those that decided first."""
    out = sys.stdout if stream is None else stream
    if out.isatty():
        _print_rich(report, out)
    else:
        out.write("\n".join(plain_lines(report)) + "\n")


def plain_lines(report: Report) -> list[str]:
    """The same as text in columns, without colour, boxes or folding."""
    rows = [_HEADINGS, *(_row(gate) for gate in words.in_reading_order(report.gates))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [_headline(report)]
    lines += _warning_lines(report)
    lines += _open_lines(report)
    lines.append("")
    for row in rows:
        cells = [
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(_HEADINGS, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _headline(report: Report) -> str:
    return f"{report.verdict.upper()}  {report.policy.bar}  {words.summary(report)}"


def _warning_lines(report: Report) -> list[str]:
    warned = [f"warning: {gate.id}: {gate.reason}" for gate in words.warnings(report)]
    return warned + [f"note: {note}" for note in words.notes(report)]


def _open_lines(report: Report) -> list[str]:
    """Why a required gate cannot be decided, and what would probably settle it."""
    return [
        f"inconclusive: {gate.id}: {gate.reason}"
        for gate in report.gates
        if gate.verdict == "inconclusive" and gate.level == "require"
    ]


def _row(gate: ReportedGate) -> tuple[str, ...]:
    level = " (warn)" if gate.level == "warn" else ""
    return (
        f"{words.SHAPE[gate.verdict]} {gate.verdict}{level}",
        gate.id,
        words.short(gate.observed),
        words.interval(gate.interval),
        gate.bound,
        words.signed(gate.margin),
    )


def _print_rich(report: Report, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False)
    style = STYLE[report.verdict]
    head = Text(
        f" {words.SHAPE[report.verdict]} {report.verdict.upper()} ", f"bold reverse {style}"
    )
    console.print(head.append(f"  {report.policy.bar}  ", "bold not reverse default"))
    console.print(Text(words.summary(report)))
    for line in (*_warning_lines(report), *_open_lines(report)):
        console.print(Text(line, "yellow"))
    hidden: frozenset[str] = frozenset() if console.width >= _ROOMY else frozenset({"interval"})
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in _HEADINGS:
        if name not in hidden:
            justify: Literal["left", "right"] = "right" if name in _RIGHT else "left"
            table.add_column(name, justify=justify, overflow="fold")
    for gate in words.in_reading_order(report.gates):
        cells = dict(zip(_HEADINGS, _row(gate), strict=True))
        shown = (cell for name, cell in cells.items() if name not in hidden)
        # Text, not markup: a gate's words may hold brackets.
        first, *rest = (Text(cell) for cell in shown)
        first.stylize(STYLE[gate.verdict])
        table.add_row(first, *rest)
    console.print(table)


@contextmanager
def status_line(stream: TextIO | None = None) -> Iterator[Callable[[str], None]]:
    """Progress on ``stream`` (standard error): one moving line for people, plain lines for logs.

    Yields:
        A function that takes one line of text; lines that repeat the last are left out.
    """
    out = sys.stderr if stream is None else stream
    if out.isatty():
        from rich.console import Console

        with _moving(Console(file=out, highlight=False)) as say:
            yield say
        return
    last = ""

    def plain(line: str) -> None:
        nonlocal last
        if line != last:
            out.write(line + "\n")
            out.flush()
        last = line

    yield plain


@contextmanager
def _moving(console: Console) -> Iterator[Callable[[str], None]]:
    """A spinner with the last line; a bar as well while lines count ``N of M``."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def say(line: str) -> None:
            if line.startswith(_STAYS):
                console.print(Text(line))
                return
            counted = _COUNTED.search(line)
            done, total = (int(counted[1]), int(counted[2])) if counted else (0, None)
            progress.update(task, description=line, completed=done, total=total)

        yield say
