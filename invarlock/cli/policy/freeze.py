"""``invarlock policy freeze``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from invarlock.authoring.repinned import PinChange, explain_pin
from invarlock.cli.policy.forms import format_option, print_json
from invarlock.errors import EXIT_FAIL
from invarlock.policy import read_source
from invarlock.policy.diagnostics import printable
from invarlock.policy.freeze import freeze as frozen
from invarlock.policy.output import write_beside
from invarlock.policy.reference import include_reader
from invarlock.present.policy_compare import compare_document, text_lines


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a pin would change.")
@format_option
@click.pass_context
def freeze(ctx: click.Context, files: tuple[str, ...], check: bool, form: str) -> None:
    """Pin each included policy by its digest, and show what changed behind each pin.

    What was pinned before is compared where the last commit of the working directory's repository
    holds it.
    """
    found = {printable(name): _frozen(Path(name), write=not check) for name in files}
    if form == "json":
        print_json(_document(found))
    else:
        for name, changes in found.items():
            for line in _lines(name, changes):
                click.echo(line)
    if check and any(found.values()):
        ctx.exit(EXIT_FAIL)


def _frozen(path: Path, *, write: bool) -> list[PinChange]:
    source = read_source(path)
    result = frozen(source, printable(str(path)), include_reader(path.parent))
    changes = [explain_pin(pin, path.parent) for pin in result.changes]
    if write and changes:
        write_beside(path, result.text)
    return changes


def _lines(name: str, changes: list[PinChange]) -> Iterator[str]:
    if not changes:
        yield f"{name}: every include is pinned to what it is"
    for change in changes:
        pin = change.pin
        yield f"{name}: {pin.alias} ({pin.path}): {pin.old or 'not pinned'} → {pin.new}"
        if change.compared is not None:
            yield from (f"  {line}".rstrip() for line in text_lines(change.compared))
        elif pin.old is not None:
            yield "  what was pinned is not in the last commit: compare by hand"


def _document(found: dict[str, list[PinChange]]) -> dict[str, object]:
    return {
        "schema": "invarlock.policy.freeze/1",
        "files": [
            {
                "file": name,
                "changes": [
                    {
                        "alias": change.pin.alias,
                        "path": change.pin.path,
                        "old": change.pin.old,
                        "new": change.pin.new,
                        "comparison": None
                        if change.compared is None
                        else compare_document(change.compared),
                    }
                    for change in changes
                ],
            }
            for name, changes in found.items()
        ],
    }
