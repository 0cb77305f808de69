"""What formatting one file came to, as lines, as a diff and as JSON. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from invarlock.errors import InvarlockError
from invarlock.policy.diagnostics import (
    Diagnostic,
    PolicyFault,
    diagnostic_json,
    printable,
    render_text,
)

_UNENDED: Final = "\n\\ No newline at end of file\n"

STDIN: Final = "<stdin>"
"""The name of standard input, whose formatted text stands in the document."""

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One file: its bytes before and after, or why it was refused."""

    name: str
    source: bytes = b""
    formatted: bytes = b""
    fault: InvarlockError | None = None

    @property
    def changed(self) -> bool:
        """Whether formatting changes the file; never of one that was refused."""
        return self.fault is None and self.formatted != self.source


def diff_text(outcome: Outcome) -> str:
    """The change as a unified diff; empty if there is none."""
    name = printable(outcome.name)
    before, after = (
        data.decode("utf-8").splitlines(keepends=True)
        for data in (outcome.source, outcome.formatted)
    )
    found = difflib.unified_diff(before, after, name, f"{name} (formatted)")
    return "".join(line if line.endswith("\n") else line + _UNENDED for line in found)


def fault_text(outcome: Outcome) -> str:
    """Why a file was refused, with source lines and carets where it has places."""
    fault = outcome.fault
    if not isinstance(fault, PolicyFault):
        return f"{printable(outcome.name)}: error {fault}"
    source = outcome.source.decode("utf-8", errors="replace")
    return "\n".join(render_text(found, source) for found in fault.diagnostics)


def outcome_line(outcome: Outcome, *, written: bool) -> str:
    """One line on one file; ``written`` tells a change made from one that would be made."""
    name = printable(outcome.name)
    if outcome.fault is not None:
        return f"{name}: refused"
    if not outcome.changed:
        return f"{name}: unchanged"
    return f"{name}: formatted" if written else f"{name}: would be formatted"


def fmt_document(outcomes: Sequence[Outcome], *, written: bool) -> Document:
    """``invarlock.policy.fmt/1``: for each file whether it changes, and how."""
    return {
        "schema": "invarlock.policy.fmt/1",
        "written": written,
        "files": [
            {
                "file": printable(outcome.name),
                "changed": outcome.changed,
                "diff": diff_text(outcome) if outcome.changed else "",
                "formatted": outcome.formatted.decode() if outcome.name == STDIN else None,
                "diagnostics": _diagnostics(outcome.fault),
            }
            for outcome in outcomes
        ],
    }


def _diagnostics(fault: InvarlockError | None) -> list[Document]:
    if fault is None:
        return []
    if isinstance(fault, PolicyFault):
        found: Sequence[Diagnostic] = fault.diagnostics
        return [diagnostic_json(diagnostic) for diagnostic in found]
    return [{"code": fault.code, "severity": "error", "message": fault.message, "hint": fault.hint}]
