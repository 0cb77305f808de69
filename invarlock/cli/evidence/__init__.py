"""``invarlock evidence``: evidence that comes from elsewhere."""

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
}


@click.group(cls=LazyGroup, entries=_COMMANDS)
def evidence() -> None:
    """Judge numbers that another program measured."""
