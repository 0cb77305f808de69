"""``invarlock verify``: recompute digests and verdict, and decide under the consumer's bar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from invarlock.cli.arguments import parse_beacon

if TYPE_CHECKING:
    from invarlock.verify.result import Finding, VerificationResult

_PATH: Final = click.Path(path_type=Path)
_LEVELS: Final = ("signed", "bound", "judged", "measured", "reproduced")
_SHOWN: Final = 40
_OUTCOMES: Final = {
    "pass": "the evidence clears your bar",
    "fail": "the evidence misses your bar",
    "inconclusive": "the evidence cannot decide under your bar",
    "incomplete": "the evidence lacks what your bar asks for",
    "refused": "do not trust this attestation",
    "lacking": "not everything that this level needs is at hand",
    "no-bar": "no bar of yours was applied, so nothing was decided",
}


@click.command()
@click.argument("bundle", type=_PATH)
@click.option(
    "--key", "keys", type=_PATH, multiple=True, help="Public key of a signer that you trust."
)
@click.option(
    "--cosigned", type=_PATH, multiple=True, help="A further bundle, with another's signature."
)
@click.option("--run", type=_PATH, help="The run's folder.  [default: where BUNDLE lies]")
@click.option("--subject", type=_PATH, help="The model about to be deployed.")
@click.option("--subject-digest", metavar="D", help="Its root digest instead.")
@click.option("--baseline", type=_PATH, help="The baseline model.")
@click.option("--data", type=_PATH, help="The data file.")
@click.option("--beacon", metavar="FILE|DIGEST|HEX", help="The beacon of the schedule's seed.")
@click.option("--policy", metavar="F#TIER[+PROFILE]", help="Your bar.")
@click.option("--policy-digest", metavar="D", help="Digest of a bar that you have reviewed.")
@click.option("--level", type=click.Choice(_LEVELS), default="judged", show_default=True)
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    bundle: Path,
    keys: tuple[Path, ...],
    cosigned: tuple[Path, ...],
    run: Path | None,
    subject: Path | None,
    subject_digest: str | None,
    baseline: Path | None,
    data: Path | None,
    beacon: str | None,
    policy: str | None,
    policy_digest: str | None,
    level: str,
    style: str,
) -> None:
    """Verify BUNDLE (a file, or a run's folder) up to a level, under your own bar."""
    from invarlock.verify.engine import verify_bundle
    from invarlock.verify.request import VerifyRequest
    from invarlock.verify.result import Level

    result = verify_bundle(
        VerifyRequest(
            bundle=bundle,
            keys=keys,
            cosigned=cosigned,
            run=run,
            subject=subject,
            subject_digest=subject_digest,
            baseline=baseline,
            data=data,
            beacon=None if beacon is None else parse_beacon(beacon),
            policy=policy,
            policy_digest=policy_digest,
            level=Level(level),
        )
    )
    if style == "json":
        click.echo(result.model_dump_json())
    else:
        for line in _lines(result):
            click.echo(_plain(line))
    ctx.exit(result.exit_code)


def _lines(result: VerificationResult) -> Iterator[str]:
    """The result for people: levels, signer, bar, gates, findings, outcome, limits."""
    for level, status in result.levels.items():
        yield f"{level:<11} {status}"
    for signer in result.signers:
        yield f"signer      {signer.type} {signer.key}"
    if result.subject is not None:
        yield f"subject     {result.subject}"
    if result.origin == "imported":
        yield "origin      imported: numbers of another program's logs, not measured in a boundary"
    if result.bar is not None:
        source = "your policy" if result.bar.source == "policy" else "the run's, by your digest"
        yield f"bar         {result.bar.name} ({source}) {result.bar.digest}"
    for gate in result.gates:
        seen = gate.observed if gate.observed is not None else "nothing observed"
        span = f" [{gate.interval[0]}, {gate.interval[1]}]" if gate.interval is not None else ""
        yield f"  {gate.verdict:<12} {gate.level} {gate.id} {gate.bound}: {seen}{span}"
    for finding in result.findings[:_SHOWN]:
        yield from _finding(finding)
    if len(result.findings) > _SHOWN:
        yield f"  and {len(result.findings) - _SHOWN} more; see --format json"
    yield f"outcome     {result.outcome}: {_OUTCOMES[result.outcome]}"
    yield f"limits      {result.limits}"


def _finding(finding: Finding) -> Iterator[str]:
    tail = f"; {finding.hint}" if finding.hint and finding.found is None else ""
    yield f"  {finding.kind:<9} [INVARLOCK:{finding.code}] {finding.what}{tail}"
    if finding.found is not None:
        yield f"            signed or found   {finding.found}"
        yield f"            must be           {finding.expected}"


def _plain(line: str) -> str:
    """Untrusted words on a terminal: no control character reaches it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
