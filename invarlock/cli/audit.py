"""``invarlock audit``: every model below a folder, held against its attestation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, Unpack

import click

from invarlock.cli.arguments import parse_age, parse_required
from invarlock.cli.trust import Trust, named, trust_options

_PATH: Final = click.Path(path_type=Path)


@click.command()
@click.argument("folder", metavar="DIR", type=_PATH)
@trust_options
@click.option("--attestations", type=_PATH, help="A folder of runs or bundles beside the models.")
@click.option("--policy", metavar="F#TIER[+PROFILE]", help="Your bar.")
@click.option("--policy-digest", metavar="D", help="Digest of a bar that you have reviewed.")
@click.option(
    "--accept-strictness",
    is_flag=True,
    help="Without the evidence, take the signer's word under a bar at least as strict as yours.",
)
@click.option("--max-age", metavar="T", help="How old one may be by a proven time: 90d, 12h, 30m.")
@click.option(
    "--require",
    metavar="WHAT",
    multiple=True,
    help="What must be proven: log, timestamp, bom; several by commas.",
)
@click.option("--baseline", type=_PATH, help="The baseline model of all of them.")
@click.option("--data", type=_PATH, help="The data file of all of them.")
@click.option(
    "--level",
    type=click.Choice(["signed", "bound", "judged"]),
    default="judged",
    show_default=True,
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "openmetrics"]),
    default="table",
    show_default=True,
)
@click.pass_context
def audit(
    ctx: click.Context,
    *,
    folder: Path,
    attestations: Path | None,
    policy: str | None,
    policy_digest: str | None,
    accept_strictness: bool,
    max_age: str | None,
    require: tuple[str, ...],
    baseline: Path | None,
    data: Path | None,
    level: str,
    style: str,
    **trust: Unpack[Trust],
) -> None:
    """Find the models below DIR, hash each, and verify what attests it under your own bar.

    Exits 0 when every model is verified; else by the worst of them: 4 refused, 5 unsafe, 1 failed,
    6 unreadable, 3 unsigned, undecided, stale or without a bar.
    """
    from invarlock.verify.audit import AuditRequest, audit_models
    from invarlock.verify.request import VerifyRequest
    from invarlock.verify.result import Level

    consumer = VerifyRequest(
        bundle=folder,
        **named(trust),
        baseline=baseline,
        data=data,
        policy=policy,
        policy_digest=policy_digest,
        accept_strictness=accept_strictness,
        max_age=None if max_age is None else parse_age(max_age),
        now=int(time.time()),
        require=parse_required(require),
        level=Level(level),
    )
    result = audit_models(AuditRequest(folder, consumer, attestations))
    if style == "json":
        click.echo(result.model_dump_json())
    elif style == "openmetrics":
        from invarlock.present.openmetrics import openmetrics_text
        from invarlock.verify.audit.shown import audit_metrics

        click.echo(openmetrics_text(audit_metrics(result)), nl=False)
    else:
        from invarlock.verify.audit.shown import table_lines

        for line in table_lines(result):
            click.echo(line)
    ctx.exit(result.exit_code)
