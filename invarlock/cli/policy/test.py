"""``invarlock policy test``."""

from __future__ import annotations

from pathlib import Path

import click

from invarlock.authoring.testing import chosen, report, run_boundaries, run_mutation, run_tests
from invarlock.cli.policy.forms import print_json
from invarlock.errors import EXIT_FAIL, EXIT_USAGE, UsageFault
from invarlock.policy import load_policy
from invarlock.policy.diagnostics import printable, shown


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--filter", "text", default="", metavar="TEXT", help="Tests whose name holds TEXT.")
@click.option("--mutate", is_flag=True, help="Weaken each gate; list what no test of all notices.")
@click.option(
    "--fail-under",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    help="With --mutate: exit 1 where fewer mutants are killed.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="Plain text, one JSON document with a versioned schema, or JUnit XML.",
)
@click.pass_context
def test(
    ctx: click.Context,
    *,
    files: tuple[str, ...],
    text: str,
    mutate: bool,
    fail_under: int | None,
    form: str,
) -> None:
    """Run the tests of policies, and boundary cases made for every bound of every bar.

    Exit 1 if a test fails; 2 if none ran, or a file has none: that is not success.
    """
    if fail_under is not None and not mutate:
        raise UsageFault("E701", "`--fail-under` without `--mutate`", "add `--mutate`")
    runs = [_run(name, text, mutate=mutate) for name in files]
    untested = _untested(runs, text)
    if untested is not None and not any(run.results for run in runs):
        raise untested
    _print(runs, form)
    if untested is not None:
        # Beside what the other files came to, which is a document of its own on standard output.
        click.echo(f"invarlock: {untested}", err=True)
        ctx.exit(EXIT_USAGE)
    scores = [run.mutation.score * 100 for run in runs if run.mutation is not None]
    missed = fail_under is not None and any(score < fail_under for score in scores)
    if missed or not all(run.passed for run in runs):
        ctx.exit(EXIT_FAIL)


def _untested(runs: list[report.FileRun], text: str) -> UsageFault | None:
    """E131 where a file has no tests, or ``text`` chooses none in any."""
    bare = [f"`{run.filename}`" for run in runs if not run.tested]
    if bare:
        hint = "write a `test` block: boundary cases are made, not written"
        return UsageFault("E131", f"no test in {', '.join(bare)}", hint)
    if not any(run.results for run in runs):
        message = f"the name of no test holds `{shown(text)}`"
        return UsageFault("E131", message, "mend the filter")
    return None


def _print(runs: list[report.FileRun], form: str) -> None:
    if form == "json":
        print_json(report.document(runs))
    elif form == "junit":
        click.echo(report.junit(runs))
    else:
        click.echo("\n".join(report.text(run) for run in runs if run.tested))


def _run(name: str, text: str, *, mutate: bool) -> report.FileRun:
    compiled = load_policy(Path(name))
    everything = run_tests(compiled, compiled.cases)
    cases = set(map(id, chosen(compiled.cases, text)))
    return report.FileRun(
        filename=printable(name),
        compiled=compiled,
        results=tuple(result for result in everything if id(result.case) in cases),
        boundaries=run_boundaries(compiled.ir),
        mutation=run_mutation(compiled, everything) if mutate else None,
    )
