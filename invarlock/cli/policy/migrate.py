"""``invarlock policy migrate``."""

from __future__ import annotations

from pathlib import Path

import click

from invarlock.authoring.migrate import migrate as migrated
from invarlock.cli.policy.forms import format_option, print_json
from invarlock.policy import compile_policy, read_source
from invarlock.policy.check import LANGUAGE
from invarlock.policy.diagnostics import printable
from invarlock.policy.output import rewrite
from invarlock.policy.reference import include_reader


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@format_option
def migrate(files: tuple[str, ...], form: str) -> None:
    """Bring policies to the current language version, in place.

    Exit 2 on a version that is unknown; a file in the current version is left alone.
    """
    migrations = {name: _migrated(Path(name)) for name in files}
    # Only now: a file with errors leaves all of them as they were.
    for name, text in migrations.items():
        if text is not None:
            rewrite(Path(name), text)
    changed = {printable(name): text is not None for name, text in migrations.items()}
    if form == "json":
        found = [
            {"file": name, "changed": moved, "language": LANGUAGE}
            for name, moved in changed.items()
        ]
        print_json({"schema": "invarlock.policy.migrate/1", "files": found})
        return
    for name, moved in changed.items():
        click.echo(f"{name}: {'now' if moved else 'already'} `invar {LANGUAGE}`")


def _migrated(path: Path) -> bytes | None:
    """The policy in the current version; ``None`` where it is in that already."""
    source = read_source(path)
    current = migrated(source)
    reader = include_reader(path.parent)
    compile_policy(current, filename=printable(str(path)), includes=reader)
    return None if current == source else current
