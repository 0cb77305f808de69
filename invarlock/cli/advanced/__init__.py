"""``invarlock advanced``: what few need, and nobody by accident."""

from __future__ import annotations

from typing import Final

import click

from invarlock.cli.lazy import Entry, LazyGroup

_COMMANDS: Final[dict[str, Entry]] = {
    "calibrate": (
        "invarlock.cli.advanced.calibrate",
        "calibrate",
        "Propose bounds from null edits of a baseline.",
    ),
}


@click.group(cls=LazyGroup, entries=_COMMANDS)
def advanced() -> None:
    """Calibrate a policy on a model of your own."""
