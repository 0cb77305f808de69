"""``invarlock advanced calibrate``: bounds that null edits of the baseline stay within."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from invarlock.cli.arguments import parse_bytes, parse_share

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--policy", required=True, metavar="F[#TIER[+PROFILE]]", help="Whose gates.")
@click.option("--tier", help="Tier, when --policy names none.")
@click.option("--profile", help="Profile, when --policy names none.")
@click.option("--baseline", required=True, type=_PATH, help="Folder of the model relied on.")
@click.option("--data", required=True, type=_PATH, help="JSON Lines to measure on.")
@click.option("--out", required=True, type=_PATH, help="Folder to write; must not exist.")
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    help="Null runs; the fewest that the rate can be had from, unless told.",
)
@click.option(
    "--false-alarm",
    default="1%",
    show_default=True,
    help="How often each gate may fail an edit that does nothing.",
)
@click.option("--seed", type=click.IntRange(min=0, max=2**31 - 1), default=1, show_default=True)
@click.option(
    "--execution-mode",
    type=click.Choice(["auto", "sandbox", "host"]),
    default="auto",
    show_default=True,
    help="auto is the sandbox, or a refusal; host runs model code unconfined.",
)
@click.option("--memory-budget", metavar="SIZE", help="As of `evaluate`.")
@click.option("--time-limit", type=click.IntRange(min=1), default=3600, show_default=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def calibrate(
    *,
    policy: str,
    tier: str | None,
    profile: str | None,
    baseline: Path,
    data: Path,
    out: Path,
    runs: int | None,
    false_alarm: str,
    seed: int,
    execution_mode: Literal["auto", "sandbox", "host"],
    memory_budget: str | None,
    time_limit: int,
    form: str,
) -> None:
    """Measure null edits of BASELINE (casts, noise, sums in another order) and propose bounds.

    Writes OUT/proposed.invar, a policy that asks what the bar asks with bounds of its own, and
    OUT/calibration.json, the runs behind them.
    """
    from invarlock.authoring.calibration.command import Asked
    from invarlock.authoring.calibration.command import calibrate as begin
    from invarlock.evaluate import Request
    from invarlock.present.terminal import status_line

    request = Request(
        policy=policy,
        tier=tier,
        profile=profile,
        baseline=baseline,
        subject=baseline,
        data=data,
        out=out,
        requested_mode=execution_mode,
        memory_budget=None if memory_budget is None else parse_bytes(memory_budget),
        use_cache=False,
        time_limit_s=float(time_limit),
    )
    with status_line() as say:
        found = begin(request, Asked(runs, parse_share(false_alarm), seed), say)
    if form == "json":
        click.echo((out / "calibration.json").read_text(encoding="utf-8"))
        return
    for one in found.gates:
        click.echo(one.words)
    missed = sum(one.missed > 0 for one in found.gates)
    click.echo(f"{found.runs} null runs, {len(found.gates)} gates calibrated; {missed} of them "
               "were missed by some null run as the bar was")  # fmt: skip
    click.echo(f"policy and runs written to {out}")
