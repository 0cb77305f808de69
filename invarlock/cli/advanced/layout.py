"""``invarlock advanced layout`` and ``files``: who may do what, and what is deployed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from invarlock.errors import UsageFault

_PATH = click.Path(path_type=Path)


@click.command()
@click.option(
    "--functionary",
    "functionaries",
    multiple=True,
    required=True,
    metavar="STEP=PUB",
    help="A public key that may sign the link of compile, measure, attest or verify.",
)
@click.option("--expires", required=True, metavar="DATE", help="ISO 8601, such as 2027-01-31.")
@click.option("--key", required=True, type=_PATH, help="The layout owner's private key.")
@click.option(
    "--subject",
    default="subject",
    show_default=True,
    help="Where the model lies when the layout is verified.",
)
@click.option("-o", "--output", required=True, type=_PATH, help="The signed layout.")
def layout(
    *,
    functionaries: tuple[str, ...],
    expires: str,
    key: Path,
    subject: str,
    output: Path,
) -> None:
    """Fill in the layout template, and sign it as its owner."""
    from invarlock.attest.keys import load_private, load_public
    from invarlock.attest.links import check_installed, make_layout
    from invarlock.cli.secrets import ask

    check_installed()
    named = [_pair(text) for text in functionaries]
    keys = [(step, load_public(path)) for step, path in named]
    signed = make_layout(keys, _date(expires), load_private(key, ask), subject)
    output.write_bytes(signed)
    click.echo(f"layout       {output}")


@click.command()
@click.argument("model", type=_PATH)
@click.option("-o", "--output", type=_PATH, help="Where to write it.  [default: standard output]")
def files(model: Path, output: Path | None) -> None:
    """Write the canonical list of MODEL's files, whose sha256 is the model's root digest."""
    from invarlock.artifacts.folder import file_list, tree_of

    listing = file_list(tree_of(model)[1])
    if output is None:
        click.echo(listing, nl=False)
    else:
        output.write_bytes(listing)


def _pair(text: str) -> tuple[str, Path]:
    step, mark, path = text.partition("=")
    if not mark or not path:
        raise UsageFault("E701", f"`{text[:80]}` names no step and key", "write `STEP=PUB`")
    return step, Path(path)


def _date(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as err:
        message = f"`{text[:40]}` is not a date"
        raise UsageFault("E701", message, "write it like `2027-01-31`") from err
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
