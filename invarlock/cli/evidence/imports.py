"""``invarlock evidence import``: a run from the logs of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from invarlock.cli.arguments import beacon_of

_EXIT = {"pass": 0, "fail": 1, "inconclusive": 3, "incomplete": 3}
_PATH = click.Path(path_type=Path)


@click.command("import")
@click.option("--policy", required=True, metavar="F[#TIER[+PROFILE]]", help="The bar to meet.")
@click.option("--tier", help="Tier, when --policy names none.")
@click.option("--profile", help="Profile, when --policy names none.")
@click.option(
    "--kind",
    required=True,
    type=click.Choice(["lm-eval", "tokens"]),
    help="Sample logs of lm-evaluation-harness, or log-probabilities per token.",
)
@click.option("--baseline-log", required=True, type=_PATH, help="Log of the model relied on.")
@click.option("--subject-log", required=True, type=_PATH, help="Log of the edited model.")
@click.option("--subject", required=True, type=_PATH, help="Folder of the edited model; hashed.")
@click.option("--baseline", type=_PATH, help="Folder of the model relied on; hashed.")
@click.option("--slice", "slice_key", metavar="KEY", help="Key of `doc` that tells the slice.")
@click.option("--beacon", metavar="FILE|DIGEST|HEX", help="What the bar's seed waits for.")
@click.option("--beacon-source", metavar="TEXT", help="Where the beacon stands, for who verifies.")
@click.option("--out", required=True, type=_PATH, help="Folder of the run; must not exist.")
@click.option(
    "--execution-mode",
    type=click.Choice(["auto", "sandbox", "host"]),
    default="auto",
    show_default=True,
    help="Where the logs are read: auto is the sandbox, or a refusal.",
)
@click.option("--time-limit", type=click.IntRange(min=1), default=600, show_default=True)
@click.option(
    "--bom-version",
    type=click.Choice(["1.6", "1.7"]),
    default="1.6",
    show_default=True,
    help="CycloneDX of the bills of materials.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def import_logs(
    ctx: click.Context,
    *,
    policy: str,
    tier: str | None,
    profile: str | None,
    kind: Literal["lm-eval", "tokens"],
    baseline_log: Path,
    subject_log: Path,
    subject: Path,
    baseline: Path | None,
    slice_key: str | None,
    beacon: str | None,
    beacon_source: str | None,
    out: Path,
    execution_mode: Literal["auto", "sandbox", "host"],
    time_limit: int,
    bom_version: Literal["1.6", "1.7"],
    form: str,
) -> None:
    """Judge logs of both models under a bar of a policy, and write the run to OUT.

    Both logs hold the same documents in one order. That they are the logs of these models is your
    word: the evidence says that it was imported, and a bar may refuse it for that.
    """
    from invarlock.evaluate.imports import ImportRequest, run_import
    from invarlock.present.terminal import print_verdict, status_line

    request = ImportRequest(
        policy=policy,
        tier=tier,
        profile=profile,
        kind=kind,
        baseline_log=baseline_log,
        subject_log=subject_log,
        baseline=baseline,
        subject=subject,
        out=out,
        slice_key=slice_key,
        beacon=beacon_of(beacon, beacon_source),
        requested_mode=execution_mode,
        time_limit_s=float(time_limit),
        bom_version=bom_version,
    )
    with status_line() as say:
        report = run_import(request, say)
    if form == "json":
        click.echo(json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        print_verdict(report)
        click.echo(f"run written to {out}")
    ctx.exit(_EXIT[report.verdict])
