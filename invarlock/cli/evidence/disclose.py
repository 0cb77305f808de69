"""``invarlock evidence disclose``: single windows of a run, with proofs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from invarlock.cli.arguments import parse_windows


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--windows", metavar="N,M,A-B", required=True, help="Which, by place from 0.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="A folder to make."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def disclose(run: Path, windows: str, out: Path, form: str) -> None:
    """Write single windows of RUN, each with the path that ties it to the signed root.

    `invarlock verify BUNDLE --disclosed FOLDER` checks them without the other windows.
    """
    from invarlock.verify.disclosure_folder import disclose_windows

    shown, count = disclose_windows(run, parse_windows(windows), out)
    if form == "json":
        answer = {"version": "invarlock.disclosed/1", "folder": str(out), "windows": shown}
        click.echo(json.dumps({**answer, "of": count}))
    else:
        click.echo(f"{shown} of {count} windows written to {out}; what they hold is public now")
