"""What the policy commands share: the ``--format`` option and how JSON is printed."""

from __future__ import annotations

import json
from typing import Final

import click

format_option: Final = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Plain text, or one JSON document with a versioned schema.",
)


def print_json(document: object) -> None:
    """Print one JSON document, indented, to standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
