"""``invarlock policy fmt``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from invarlock.authoring.format import format_checked
from invarlock.authoring.format.outcome import (
    STDIN,
    Outcome,
    diff_text,
    fault_text,
    fmt_document,
    outcome_line,
)
from invarlock.cli.policy.forms import format_option, print_json
from invarlock.errors import (
    EXIT_ENVIRONMENT,
    EXIT_FAIL,
    EXIT_USAGE,
    EnvironmentFault,
    UsageFault,
)
from invarlock.policy import read_source
from invarlock.policy.decode import MAX_BYTES
from invarlock.policy.diagnostics import printable
from invarlock.policy.output import rewrite
from invarlock.policy.reference import include_reader

_DASH: Final = "-"


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@format_option
@click.pass_context
def fmt(ctx: click.Context, files: tuple[str, ...], check: bool, diff: bool, form: str) -> None:
    """Lay policies out in the one style of the language, in place.

    `-` formats standard input to standard output. Comments keep their place and order, and the
    digest stays; both are checked before a file is written. Exit 6 if a file cannot be opened,
    2 if one has syntax errors, and 1 if --check finds one that would change.
    """
    if _DASH in files and len(files) > 1:
        raise UsageFault("E701", "`-` stands with other files", "format standard input by itself")
    written = not (check or diff)
    outcomes = [_outcome(name, write=written) for name in files]
    if form == "json":
        print_json(fmt_document(outcomes, written=written))
    else:
        _print(outcomes, diff=diff, written=written)
    if any(isinstance(outcome.fault, EnvironmentFault) for outcome in outcomes):
        ctx.exit(EXIT_ENVIRONMENT)
    if any(outcome.fault is not None for outcome in outcomes):
        ctx.exit(EXIT_USAGE)
    if check and any(outcome.changed for outcome in outcomes):
        ctx.exit(EXIT_FAIL)


def _outcome(name: str, *, write: bool) -> Outcome:
    source = b""
    try:
        if name == _DASH:
            source = sys.stdin.buffer.read(MAX_BYTES + 1)
            reader = include_reader(Path())
            out = format_checked(source, filename=STDIN, includes=reader)
            return Outcome(STDIN, source, out)
        source = read_source(Path(name))
        reader = include_reader(Path(name).parent)
        out = format_checked(source, filename=printable(name), includes=reader)
        outcome = Outcome(name, source, out)
    except (EnvironmentFault, UsageFault) as fault:
        return Outcome(STDIN if name == _DASH else name, source, fault=fault)
    if write and outcome.changed:
        rewrite(Path(name), outcome.formatted)
    return outcome


def _print(outcomes: list[Outcome], *, diff: bool, written: bool) -> None:
    for outcome in outcomes:
        if outcome.fault is not None:
            click.echo(fault_text(outcome), err=True)
        elif diff:
            click.echo(diff_text(outcome), nl=False)
            continue
        elif outcome.name == STDIN and written:
            click.echo(outcome.formatted, nl=False)
            continue
        click.echo(outcome_line(outcome, written=written), err=outcome.name == STDIN)
