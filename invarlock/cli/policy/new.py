"""``invarlock policy new``."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from invarlock.authoring.new import BAR, name_from, starting_policy
from invarlock.cli.policy.forms import format_option, print_json
from invarlock.errors import UsageFault
from invarlock.policy.diagnostics import printable
from invarlock.policy.output import write_beside


@click.command()
@click.argument("path", metavar="PATH")
@click.option("--task", default="causal_lm", show_default=True, help="What the models do.")
@click.option("--name", metavar="N", help="Name of the policy.  [default: from PATH]")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
@format_option
def new(path: str, task: str, name: str | None, force: bool, form: str) -> None:
    """Write a starting policy to PATH: complete, tested, and ready to be made yours."""
    place = Path(path)
    chosen = name_from(place.stem) if name is None else name
    source = starting_policy(task, chosen)
    shown = printable(path)
    if place.is_dir() or (place.exists() and not force):
        raise UsageFault("E137", f"`{shown}` exists already", "choose another path, or --force")
    write_beside(place, source.encode())
    if form == "json":
        document = {"schema": "invarlock.policy.new/1", "file": path, "name": chosen, "task": task}
        print_json(document)
    else:
        click.echo(f"{shown}: policy {chosen}; next:")
        click.echo(f"  invarlock policy test --mutate {quote(shown)}")
        click.echo(f"  invarlock evaluate --policy {quote(f'{shown}#{BAR}')} …")
