"""``invarlock policy check, compile, digest``."""

from __future__ import annotations

from pathlib import Path

import click

from invarlock.canonical import canonical_bytes
from invarlock.cli.policy.forms import format_choice, format_option, print_json
from invarlock.errors import (
    EXIT_ENVIRONMENT,
    EXIT_USAGE,
    EnvironmentFault,
    InvarlockError,
    UsageFault,
)
from invarlock.policy import (
    load_policy,
    parse_reference,
    views,
)
from invarlock.policy.diagnostics import printable
from invarlock.policy.output import write_output


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@format_choice("text", "json", "sarif")
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...], form: str) -> None:
    """Check policies and print everything found in them.

    Exit 6 if a file cannot be opened, else 2 if any has an error. The others are checked all
    the same.
    """
    results = {printable(name): _outcome(name) for name in files}
    if form == "json":
        print_json(views.check_document(results))
    elif form == "sarif":
        from invarlock.present.sarif import check_sarif

        print_json(check_sarif(results))
    else:
        for name, result in results.items():
            found = views.diagnostics_text(name, result)
            if found:
                click.echo(found, err=True)
            click.echo(views.check_line(name, result))
    if any(isinstance(result, EnvironmentFault) for result in results.values()):
        ctx.exit(EXIT_ENVIRONMENT)
    if any(isinstance(result, InvarlockError) for result in results.values()):
        ctx.exit(EXIT_USAGE)


@click.command(name="compile")
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", metavar="IR", help="Write the IR here instead of standard output.")
@format_option
def compile_(file: str, output: str | None, form: str) -> None:
    """Compile a policy to its IR, canonical JSON."""
    compiled = load_policy(Path(file))
    data = canonical_bytes(compiled.ir.document())
    if output is None:
        click.echo(data.decode())
        return
    write_output(Path(output), data + b"\n", source=Path(file))
    if form == "json":
        print_json(views.digest_document(compiled))
    else:
        click.echo(f"{compiled.ir.digest}  {output}")


@click.command()
@click.argument("reference", metavar="FILE[#TIER[+PROFILE]]")
@format_option
def digest(reference: str, form: str) -> None:
    """Print the digests of a policy and its bars, or that of one bar."""
    parsed = parse_reference(reference)
    compiled = load_policy(parsed.path)
    if parsed.tier is not None:
        name, bar = compiled.bar(parsed.tier, parsed.profile)
        document = views.bar_digest_document(name, bar)
        print_json(document) if form == "json" else click.echo(document["bar_digest"])
    elif form == "json":
        print_json(views.digest_document(compiled))
    else:
        click.echo(views.digest_text(compiled))


def _outcome(name: str) -> views.Outcome:
    try:
        return load_policy(Path(name))
    except (EnvironmentFault, UsageFault) as fault:
        return fault
