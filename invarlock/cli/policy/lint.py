"""``invarlock policy lint``."""

from __future__ import annotations

from pathlib import Path

import click

from invarlock.authoring import lint as linter
from invarlock.authoring.lint.names import NAMES
from invarlock.authoring.lint.outcome import (
    Outcome,
    findings_text,
    lint_document,
    lint_sarif,
    outcome_line,
)
from invarlock.cli.policy.forms import print_json
from invarlock.errors import (
    EXIT_ENVIRONMENT,
    EXIT_FAIL,
    EXIT_USAGE,
    EnvironmentFault,
    UsageFault,
)
from invarlock.policy import PolicyFault, read_source
from invarlock.policy.diagnostics import printable, shown
from invarlock.policy.names import did_you_mean
from invarlock.policy.output import rewrite
from invarlock.policy.reference import include_reader


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--fix", is_flag=True, help="Mend what can be mended, format, and report the rest.")
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="Only this rule; repeatable.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
    help="Plain text, one JSON document with a versioned schema, or SARIF 2.1.0.",
)
@click.pass_context
def lint(
    ctx: click.Context, *, files: tuple[str, ...], fix: bool, rules: tuple[str, ...], form: str
) -> None:
    """Say what a reviewer would ask about policies that compile.

    A comment `# lint: allow RULE, REASON` on the line or above allows a finding. Exit 6 if a
    file cannot be opened, 2 if one does not compile, and 1 if a finding of severity warning
    stays.
    """
    for name in rules:
        if name not in NAMES:
            hint = did_you_mean(name, NAMES, "the rules are " + ", ".join(sorted(NAMES)))
            raise UsageFault("E701", f"`{shown(name)}` is no rule of lint", hint)
    outcomes = [_outcome(name, frozenset(rules) or None, fix=fix) for name in files]
    _print(outcomes, form)
    if any(isinstance(outcome.fault, EnvironmentFault) for outcome in outcomes):
        ctx.exit(EXIT_ENVIRONMENT)
    if any(outcome.fault is not None for outcome in outcomes):
        ctx.exit(EXIT_USAGE)
    if any(outcome.warned for outcome in outcomes):
        ctx.exit(EXIT_FAIL)


def _outcome(name: str, rules: frozenset[str] | None, *, fix: bool) -> Outcome:
    source, label = b"", printable(name)
    try:
        source = read_source(Path(name))
        read = include_reader(Path(name).parent)
        if not fix:
            found = linter.lint(source, filename=label, includes=read, rules=rules)
            return Outcome(name, source, found)
        fixed = linter.fix(source, filename=label, includes=read, rules=rules)
    except (EnvironmentFault, UsageFault) as fault:
        return Outcome(name, source, fault=fault)
    if fixed.source != source:
        rewrite(Path(name), fixed.source)
    left = linter.lint(fixed.source, filename=label, includes=read, rules=rules)
    return Outcome(name, fixed.source, left, fixed.applied)


def _print(outcomes: list[Outcome], form: str) -> None:
    if form == "json":
        print_json(lint_document(outcomes))
        return
    if form == "sarif":
        print_json(lint_sarif(outcomes))
    for outcome in outcomes:
        in_log = form == "sarif" and isinstance(outcome.fault, PolicyFault | None)
        found = "" if in_log else findings_text(outcome)
        if found:
            click.echo(found, err=outcome.fault is not None)
        if form == "text":
            click.echo(outcome_line(outcome))
