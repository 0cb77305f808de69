"""``invarlock policy freeze``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from invarlock.authoring.repinned import PinChange, explain_pin
from invarlock.cli.policy.forms import format_option, print_json
from invarlock.errors import EXIT_FAIL, EXIT_INCONCLUSIVE
from invarlock.policy import compile_policy, read_source
from invarlock.policy.diagnostics import printable
from invarlock.policy.freeze import freeze as frozen
from invarlock.policy.output import rewrite
from invarlock.policy.reference import include_reader
from invarlock.policy.units import IncludeReader
from invarlock.present.policy_compare import compare_document, text_lines


@dataclass(frozen=True, slots=True)
class _File:
    """One policy, what freezing it changes, and whether that may be written."""

    text: bytes
    changes: list[PinChange]
    unseen: bool


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a pin would change.")
@click.option("--accept-unseen", is_flag=True, help="Pin also what cannot be compared.")
@format_option
@click.pass_context
def freeze(
    ctx: click.Context, files: tuple[str, ...], check: bool, accept_unseen: bool, form: str
) -> None:
    """Pin each included policy by its digest, and show what changed behind each pin.

    What was pinned before is looked for in the git history of the included file. Where it is not
    found there is nothing to review: the policy stays as it is, and the exit code is 3, unless
    that is accepted.
    """
    found: dict[str, _File] = {}
    pending: dict[Path, bytes] = {}
    for name in files:
        file = found[printable(name)] = _frozen(Path(name), accept_unseen, pending)
        if file.changes and not file.unseen:
            pending[Path(name).resolve()] = file.text
    if not check:  # only now: a file with errors leaves all of them as they were
        for path, text in pending.items():
            rewrite(path, text)
    if form == "json":
        print_json(_document(found, check=check))
    else:
        for name, file in found.items():
            for line in _lines(name, file, check=check):
                click.echo(line)
    if check and any(file.changes for file in found.values()):
        ctx.exit(EXIT_FAIL)
    if not check and any(file.unseen for file in found.values()):
        ctx.exit(EXIT_INCONCLUSIVE)


def _frozen(path: Path, accept_unseen: bool, pending: Mapping[Path, bytes]) -> _File:
    reader = _reader(path.parent, pending)
    result = frozen(read_source(path), printable(str(path)), reader)
    changes: list[PinChange] = []
    for pin in result.changes:
        place = path.parent / pin.path
        inner = _reader(place.parent, pending)
        new = compile_policy(reader(pin.path), filename=printable(str(place)), includes=inner)
        changes.append(explain_pin(pin, place, new))
    unseen = not accept_unseen and any(change.unseen for change in changes)
    return _File(result.text, changes, unseen)


def _reader(folder: Path, pending: Mapping[Path, bytes]) -> IncludeReader:
    """A reader of the files below ``folder``, each as it will be when all are written: a file may
    include one that is named before it."""
    stored = include_reader(folder)

    def read(path: str) -> bytes:
        found = stored(path)
        return pending.get((folder / path).resolve(), found)

    return read


def _lines(name: str, file: _File, *, check: bool) -> Iterator[str]:
    if not file.changes:
        yield f"{name}: every include is pinned to what it is"
    for change in file.changes:
        pin = change.pin
        yield f"{name}: {pin.alias} ({pin.path}): {pin.old or 'not pinned'} → {pin.new}"
        if change.compared is not None:
            yield from (f"  {line}".rstrip() for line in text_lines(change.compared))
        elif change.unseen:
            yield f"  what was pinned cannot be compared: {change.unseen}"
    if file.unseen and not check:
        yield f"{name}: not written; review what is included, then give `--accept-unseen`"


def _document(found: dict[str, _File], *, check: bool) -> dict[str, object]:
    return {
        "schema": "invarlock.policy.freeze/1",
        "files": [
            {
                "file": name,
                "written": bool(file.changes) and not file.unseen and not check,
                "changes": [_change(change) for change in file.changes],
            }
            for name, file in found.items()
        ],
    }


def _change(change: PinChange) -> dict[str, object]:
    compared = None if change.compared is None else compare_document(change.compared)
    return {
        "alias": change.pin.alias,
        "path": change.pin.path,
        "old": change.pin.old,
        "new": change.pin.new,
        "comparison": compared,
        "unseen": change.unseen or None,
    }
