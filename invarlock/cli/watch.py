"""``invarlock watch``: a deployed model's bytes, again and again, against its attestation."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

import click

from invarlock.cli.arguments import parse_age
from invarlock.cli.rate import parse_rate
from invarlock.cli.trust import Trust, named, trust_options
from invarlock.errors import EXIT_INTERRUPTED, UsageFault

if TYPE_CHECKING:
    from invarlock.verify.watch import Check

_PATH: Final = click.Path(path_type=Path)


@click.command()
@click.argument("model", type=_PATH)
@click.option("--attestation", type=_PATH, required=True, help="The bundle, or a run's folder.")
@trust_options
@click.option("--every", default="1h", show_default=True, help="Hash all files this often.")
@click.option("--poll", default="10s", show_default=True,
              help="And when sizes or times changed, looked at this often; 0s: never.")  # fmt: skip
@click.option("--once", is_flag=True, help="Hash once, and exit.")
@click.option("--limit-rate", metavar="RATE", help="Read no faster, such as 50MB/s.")
@click.option("--stay", is_flag=True, help="Go on watching after a difference.")
@click.option("--exec", "command", metavar="COMMAND",
              help="Run it upon a difference: no shell, the finding on stdin.")  # fmt: skip
@click.option("--webhook", metavar="URL",
              help="POST the finding there; naming it allows that connection.")  # fmt: skip
@click.option("--metrics", type=_PATH, help="Keep OpenMetrics in this file.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.pass_context
def watch(
    ctx: click.Context,
    *,
    model: Path,
    attestation: Path,
    every: str,
    poll: str,
    once: bool,
    limit_rate: str | None,
    stay: bool,
    command: str | None,
    webhook: str | None,
    metrics: Path | None,
    style: str,
    **trust: Unpack[Trust],
) -> None:
    """Hash MODEL's files on schedule and on change, and tell when they are not those attested.

    The attestation's signature is verified once. That the bytes are those attested says nothing of
    a verdict: `invarlock verify` does.
    """
    from invarlock.policy.diagnostics import plain
    from invarlock.verify.request import VerifyRequest
    from invarlock.verify.result import Level
    from invarlock.verify.watch import Hooks, Schedule, attested_model, watch_model
    from invarlock.verify.watch.alerts import parse_alerts
    from invarlock.verify.watch.pace import TokenBucket, unhindered

    schedule = Schedule(parse_age(every), parse_age(poll), once=once, stay=stay)
    if schedule.every == 0 and not once:
        raise UsageFault("E701", "--every is no time at all", "write it like `1h`")
    pace = unhindered if limit_rate is None else TokenBucket(parse_rate(limit_rate))
    hooks = Hooks(
        report=lambda check: _report(check, style),
        complain=lambda why: click.echo(f"invarlock: {plain(why)}", err=True),
        alerts=parse_alerts(command, webhook),
        metrics=metrics,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    attested = attested_model(VerifyRequest(bundle=attestation, **named(trust), level=Level.SIGNED))
    try:
        check = watch_model(model, attested, schedule, hooks, pace=pace)
    except KeyboardInterrupt:
        click.echo("invarlock: interrupted; no longer watching", err=True)
        ctx.exit(EXIT_INTERRUPTED)
    ctx.exit(check.exit_code)


def _report(check: Check, style: str) -> None:
    if style == "json":
        click.echo(check.model_dump_json())
        return
    word = "same" if check.same else "UNREADABLE" if check.found is None else "DIFFERS"
    click.echo(f"{word}  {check.model}  {_size(check.bytes)} in {check.seconds} s ({check.cause})")
    if check.code is not None:
        click.echo(f"  [INVARLOCK:{check.code}] {check.reason}")
    for one in check.differences:
        click.echo(f"  {one.path}: {one.found}, attested {one.expected}")
    if check.differing > len(check.differences):
        click.echo(f"  and {check.differing - len(check.differences)} more")


def _size(count: int) -> str:
    """Bytes in the largest decimal unit of which there is one."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} byte{'' if count == 1 else 's'}"
