"""``invarlock policy docs``."""

from __future__ import annotations

from pathlib import Path

import click

from invarlock.authoring.docs import markdown
from invarlock.cli.policy.forms import format_option, print_json
from invarlock.policy import load_policy
from invarlock.policy.diagnostics import printable
from invarlock.policy.output import write_output


@click.command()
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", metavar="F", help="Write the page here, not to standard output.")
@format_option
def docs(file: str, output: str | None, form: str) -> None:
    """Write a policy as a Markdown page: every gate in words, with the reason beside it."""
    compiled = load_policy(Path(file))
    page = markdown(compiled, printable(file))
    if output is not None:
        write_output(Path(output), page.encode(), source=Path(file))
    if form == "json":
        document = {
            "schema": "invarlock.policy.docs/1",
            "policy_digest": compiled.ir.digest,
            "output": output,
            "markdown": page,
        }
        print_json(document)
    elif output is None:
        click.echo(page, nl=False)
    else:
        click.echo(output)
