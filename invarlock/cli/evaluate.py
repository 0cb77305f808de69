"""``invarlock evaluate``: measure a subject against a baseline and judge it under a bar."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from invarlock.cli.arguments import beacon_of, parse_bytes, parse_device

_EXIT = {"pass": 0, "fail": 1, "inconclusive": 3, "incomplete": 3}
_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--policy", required=True, metavar="F[#TIER[+PROFILE]]", help="The bar to meet.")
@click.option("--tier", help="Tier, when --policy names none.")
@click.option("--profile", help="Profile, when --policy names none.")
@click.option("--baseline", required=True, type=_PATH, help="Folder of the model relied on.")
@click.option("--subject", required=True, type=_PATH, help="Folder of the edited model.")
@click.option("--data", required=True, type=_PATH, help="JSON Lines to measure on.")
@click.option("--beacon", metavar="FILE|DIGEST|HEX", help="What the bar's seed waits for.")
@click.option("--beacon-source", metavar="TEXT", help="Where the beacon stands, for who verifies.")
@click.option("--out", required=True, type=_PATH, help="Folder of the run; must not exist.")
@click.option(
    "--execution-mode",
    type=click.Choice(["auto", "sandbox", "host"]),
    default="auto",
    show_default=True,
    help="auto is the sandbox, or a refusal; host runs model code unconfined and says so.",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray shares windows and tensors among workers, each with boundaries of its own.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Of --executor ray.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 4096),
    help="Of each boundary; without it, the cores, shared by the workers.",
)
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    metavar="cpu|cuda|cuda:N|mps",
    help="Where both models' bodies run; the sandbox shows the cpu alone.",
)
@click.option(
    "--memory-budget",
    metavar="SIZE",
    help="Memory that the run may take; by default what is available. Models are sealed in memory "
    "where they fit, else hashed twice; a run that would not fit is refused.",
)
@click.option("--cache", type=_PATH, help="Folder of kept baseline results.")
@click.option("--no-cache", is_flag=True, help="Measure the baseline anew, and keep nothing.")
@click.option("--time-limit", type=click.IntRange(min=1), default=3600, show_default=True)
@click.option(
    "--bom-version",
    type=click.Choice(["1.6", "1.7"]),
    default="1.6",
    show_default=True,
    help="CycloneDX of the bills of materials.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def evaluate(
    ctx: click.Context,
    *,
    policy: str,
    tier: str | None,
    profile: str | None,
    baseline: Path,
    subject: Path,
    data: Path,
    beacon: str | None,
    beacon_source: str | None,
    out: Path,
    execution_mode: Literal["auto", "sandbox", "host"],
    executor: Literal["local", "ray"],
    workers: int,
    threads: int | None,
    device: str,
    memory_budget: str | None,
    cache: Path | None,
    no_cache: bool,
    time_limit: int,
    bom_version: Literal["1.6", "1.7"],
    form: str,
) -> None:
    """Measure SUBJECT against BASELINE under a bar of a policy, and write the run to OUT."""
    from invarlock.evaluate import Request, run
    from invarlock.present.terminal import print_verdict, status_line

    request = Request(
        policy=policy,
        tier=tier,
        profile=profile,
        baseline=baseline,
        subject=subject,
        data=data,
        out=out,
        beacon=beacon_of(beacon, beacon_source),
        requested_mode=execution_mode,
        executor=executor,
        workers=workers,
        threads=threads,
        device=parse_device(device),
        memory_budget=None if memory_budget is None else parse_bytes(memory_budget),
        cache=cache,
        use_cache=not no_cache,
        time_limit_s=float(time_limit),
        bom_version=bom_version,
    )
    with status_line() as say:
        report = run(request, say)
    if form == "json":
        click.echo(json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        print_verdict(report)
        click.echo(f"run written to {out}")
    ctx.exit(_EXIT[report.verdict])
