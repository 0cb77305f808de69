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
    "link": (
        "invarlock.cli.advanced.link",
        "link",
        "Run a step of a release and sign an in-toto link of it.",
    ),
    "layout": (
        "invarlock.cli.advanced.layout",
        "layout",
        "Say who may carry out which step, as an in-toto layout.",
    ),
    "files": (
        "invarlock.cli.advanced.layout",
        "files",
        "List a model's files; sha256 of the list is its root digest.",
    ),
}


@click.group(cls=LazyGroup, entries=_COMMANDS)
def advanced() -> None:
    """Calibrate a policy on a model of your own; in-toto links and layouts of a release."""
