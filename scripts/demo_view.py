"""How the demo shows what its commands said: plain text, colour for verdicts, one table.

Nothing here is decided or computed but counts; values come from commands and runs.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from invarlock.judge.records import Report, ReportedGate
from invarlock.present import words

EDITS: Final = {
    "careful": "int8, to nearest, per channel",
    "careless": "30% of weights pruned",
    "sly": "careful, and one embedding row overwritten",
}
OUT: Final = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
NAMED: Final = 12
"""How many of the things that do not add up are printed; the rest are counted."""
STYLES: Final = {"pass": "green", "fail": "red", "✓": "green", "✗": "red", "?": "yellow"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One subject's way: exit codes as the commands gave them, and the report they left."""

    name: str
    run: Path
    model: Path
    evaluated: int
    verified: int
    report: Report


@dataclass(frozen=True, slots=True)
class Forgery:
    """What became of the forged run: the exit code of `verify` and what it found."""

    verified: int
    found: tuple[str, ...]
    claim: Report


@dataclass(frozen=True, slots=True)
class Consistent:
    """What became of the run that was forged throughout: the exit code of `verify` to `judged`,
    and what it found once windows were evaluated again."""

    judged: int
    again: Forgery


def say(text: str, style: str = "") -> None:
    """Print text as it is: long lines are left whole, brackets are no markup."""
    OUT.print(Text(text, style), soft_wrap=True)


def show(output: str) -> None:
    """Print a command's output, its verdicts coloured."""
    for line in output.rstrip().splitlines():
        first = line.split(maxsplit=1)[0].lower() if line.strip() else ""
        say(line, STYLES.get(first, ""))


def without_passes(output: str) -> str:
    """The output of `verify` without its line for each gate that passes, which are counted."""
    lines = output.splitlines()
    passing = [line for line in lines if line.startswith("  pass")]
    if passing:
        lines.insert(lines.index(passing[0]), f"  ({len(passing)} gates pass under your bar)")
    return "\n".join(line for line in lines if line not in passing)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print a heading, and afterwards how long the step took."""
    OUT.rule(Text(title, "bold"), align="left")
    began = time.monotonic()
    yield
    say(f"({title.lower()}: {time.monotonic() - began:.1f} s)\n", "dim")


def named(findings: Iterable[dict[str, Any]], gates: Sequence[str]) -> Iterator[str]:
    """Findings of `verify` in one line each, gates by name; windows, verdicts and values first.

    Args:
        findings: as `verify --format json` gives them.
        gates: ids of the report's gates, in its order.
    """

    def told(finding: dict[str, Any]) -> str:
        what = re.sub(r"gates\[(\d+)\]", lambda m: gates[int(m[1])], finding["what"])
        line = f"[INVARLOCK:{finding['code']}] {what}"
        if finding["found"] is None:
            return line
        return f"{line} is {finding['found']}, must be {finding['expected']}"

    def rank(finding: dict[str, Any]) -> int:
        order = (": `verdict`", ".observed`", ".verdict`")
        if finding.get("level") == "reproduced":
            return -1
        return next((i for i, end in enumerate(order) if finding["what"].endswith(end)), len(order))

    return (told(finding) for finding in sorted(findings, key=rank))


def told(gate: ReportedGate) -> str:
    """One gate in a cell."""
    ends = f" {words.interval(gate.interval)}" if gate.interval else ""
    return f"{gate.id} {words.short(gate.observed)}{ends}, bar {gate.bound}"


def decided(report: Report) -> str:
    """The gates that decided; of a pass, those whose interval had to lie inside. And warnings."""
    gates = words.deciding(report)
    lines = [told(gate) for gate in gates if report.verdict != "pass" or gate.interval]
    if report.verdict == "pass":
        lines.insert(0, words.summary(report))
    lines += [f"warned: {told(gate)}" for gate in words.warnings(report)]
    return "\n".join(lines)


def table(outcomes: Sequence[Outcome], forged: Forgery, throughout: Consistent) -> Table:
    """The demo's table; nothing in it is written here but the headings."""
    shown = Table(title="Did the edit make the model worse?", title_style="bold", show_lines=True)
    shown.add_column("subject", max_width=22)
    for heading in ("evaluate", "verify", "verdict"):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("gates that decided", ratio=1, overflow="fold")
    for one in outcomes:
        shown.add_row(
            Text(one.name, "bold") + Text(f"\n{EDITS[one.name]}", "not bold"),
            f"exit {one.evaluated}",
            f"exit {one.verified}",
            Text(one.report.verdict, STYLES.get(one.report.verdict, "yellow")),
            Text(decided(one.report)),
        )
    shown.add_row(
        Text("forged", "bold") + Text("\nthe careless run, edited", "not bold"),
        "–",
        f"exit {forged.verified}",
        f"claims\n{forged.claim.verdict}",
        Text("\n".join([f"{len(forged.found)} things do not add up:", *forged.found[:3], "…"])),
    )
    again = throughout.again
    shown.add_row(
        Text("forged throughout", "bold") + Text("\nso that it adds up", "not bold"),
        "–",
        f"exit {throughout.judged}\nagain: {again.verified}",
        f"claims\n{again.claim.verdict}",
        Text(
            "\n".join(
                [f"{len(again.found)} things differ, evaluated again:", *again.found[:3], "…"]
            )
        ),
    )
    return shown


def closing(outcomes: Sequence[Outcome], seconds: float) -> None:
    """What the demo cannot show, and where to look next."""
    say(
        "\nWhat level `judged` cannot see is evidence made up consistently, every token's number\n"
        "and every digest. A few windows, drawn after the signature and evaluated again, show it.\n"
        "What no level sees: how many runs were tried before this one.\n"
    )
    for one in outcomes:
        say(f"report of {one.name:<9} {one.run / 'report.html'}")
    failed = next(one for one in outcomes if one.name == "careless")
    say(f"\n{seconds:.0f} s in all. Open {failed.run / 'report.html'}", "bold")
