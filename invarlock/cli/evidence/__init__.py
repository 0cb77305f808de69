"""``invarlock evidence``: evidence that comes from elsewhere, or goes there."""

from __future__ import annotations

from typing import Final

import click

from invarlock.cli.lazy import Entry, LazyGroup

_COMMANDS: Final[dict[str, Entry]] = {
    "import": (
        "invarlock.cli.evidence.imports",
        "import_logs",
        "Judge logs that other programs wrote.",
    ),
    "disclose": (
        "invarlock.cli.evidence.disclose",
        "disclose",
        "Write single windows of a run, with proofs.",
    ),
}


@click.group(cls=LazyGroup, entries=_COMMANDS)
def evidence() -> None:
    """Judge numbers that another program measured, or show single windows of a run."""
