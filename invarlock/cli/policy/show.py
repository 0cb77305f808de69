"""``invarlock policy show``."""

from __future__ import annotations

import click

from invarlock.cli.policy.forms import format_option, print_json
from invarlock.policy import load_policy, parse_reference
from invarlock.policy.diagnostics import printable
from invarlock.policy.show import sheet, show_document
from invarlock.present.policy_show import print_sheet


@click.command()
@click.argument("reference", metavar="FILE[#TIER[+PROFILE]]")
@format_option
def show(reference: str, form: str) -> None:
    """Show one bar, resolved: what it asks, in words, and where each number came from."""
    parsed = parse_reference(reference)
    compiled = load_policy(parsed.path)
    name, _ = compiled.bar(parsed.tier, parsed.profile)
    found = sheet(compiled, name, printable(str(parsed.path)))
    if form == "json":
        print_json(show_document(found))
    else:
        print_sheet(found)
