"""``invarlock policy explain``."""

from __future__ import annotations

import click

from invarlock.authoring.explain import explain as page_of
from invarlock.authoring.explain import list_document, list_text, page_document
from invarlock.cli.policy.forms import format_option, print_json


@click.command()
@click.argument("code", required=False, metavar="[CODE]")
@format_option
def explain(code: str | None, form: str) -> None:
    """Print what a code means, why it matters and what to do; without CODE, list all codes."""
    if code is None:
        print_json(list_document()) if form == "json" else click.echo(list_text())
        return
    page = page_of(code)
    print_json(page_document(page)) if form == "json" else click.echo(page.text.rstrip("\n"))
