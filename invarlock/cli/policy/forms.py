"""What the policy commands share: the ``--format`` option and how JSON is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

_MEANING: Final = {
    "text": "plain text",
    "json": "one JSON document with a versioned schema",
    "sarif": "SARIF 2.1.0 for code scanning",
    "markdown": "Markdown for a pull request",
}


def format_choice(*forms: str) -> Callable[[_Command], _Command]:
    """The ``--format`` option with these forms; the first is the default."""
    meaning = "; ".join(f"{form}: {_MEANING[form]}" for form in forms)
    return click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help=f"How to print. {meaning}.",
    )


format_option: Final = format_choice("text", "json")


def print_json(document: object) -> None:
    """Print one JSON document, indented, to standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
