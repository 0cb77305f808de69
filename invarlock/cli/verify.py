"""``invarlock verify``: recompute digests and verdict, and decide under the consumer's bar."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Unpack

import click

from invarlock.cli.arguments import (
    parse_age,
    parse_beacon,
    parse_bytes,
    parse_device,
    parse_instant,
    parse_required,
)
from invarlock.cli.trust import Trust, named, trust_options

if TYPE_CHECKING:
    from invarlock.verify.result import VerificationResult

_PATH: Final = click.Path(path_type=Path)
_LEVELS: Final = ("signed", "bound", "judged", "measured", "reproduced")


@click.command()
@click.argument("bundle", type=_PATH)
@trust_options
@click.option(
    "--cosigned", type=_PATH, multiple=True, help="A further bundle, with another's signature."
)
@click.option("--run", type=_PATH, help="The run's folder.  [default: where BUNDLE lies]")
@click.option("--subject", type=_PATH, help="The model about to be deployed.")
@click.option("--subject-digest", metavar="D", help="Its root digest instead.")
@click.option("--baseline", type=_PATH, help="The baseline model.")
@click.option("--data", type=_PATH, help="The data file.")
@click.option("--subject-signature", type=_PATH, help="Its OpenSSF model signature, if asked for.")
@click.option("--subject-provenance", type=_PATH, help="Its SLSA provenance.")
@click.option("--baseline-signature", type=_PATH, help="The baseline's model signature.")
@click.option("--baseline-provenance", type=_PATH, help="The baseline's SLSA provenance.")
@click.option(
    "--model-key",
    "model_keys",
    type=_PATH,
    multiple=True,
    help="Public key that you trust for these four alone, beside --key.",
)
@click.option("--beacon", metavar="FILE|DIGEST|HEX", help="The beacon of the schedule's seed.")
@click.option("--beacon-time", metavar="T", help="When that was made public: 2026-01-31T12:00:00Z.")
@click.option("--registration", type=_PATH, help="Bundle of `policy attest` for the run's bar.")
@click.option("--disclosed", type=_PATH, help="Single windows, as `evidence disclose` wrote them.")
@click.option("--policy", metavar="F#TIER[+PROFILE]", help="Your bar.")
@click.option("--policy-digest", metavar="D", help="Digest of a bar that you have reviewed.")
@click.option(
    "--accept-strictness",
    is_flag=True,
    help="Without the evidence, take the signer's word under a bar at least as strict as yours.",
)
@click.option("--reference", metavar="F#TIER[+PROFILE]", help="A bar to tell the run's from.")
@click.option("--max-age", metavar="T", help="How old it may be by a proven time: 90d, 12h, 30m.")
@click.option(
    "--require",
    metavar="WHAT",
    multiple=True,
    help="What must be proven: log, timestamp, bom, preregistered, reference; several by commas.",
)
@click.option("--summary", type=_PATH, help="Write a signed summary there, whatever comes out.")
@click.option(
    "--summary-type", type=click.Choice(["vsa", "svr"]), help="Which one.  [default: vsa]"
)
@click.option("--summary-key", metavar="URI", help="Your private key, as `attest --key` takes it.")
@click.option("--summary-public-key", type=_PATH, help="Its public half, where a service has it.")
@click.option("--verifier-id", metavar="URI", help="Whom the summary names as the verifier.")
@click.option("--resource-uri", metavar="URI", help="What the model is to be used as.")
@click.option("--level", type=click.Choice(_LEVELS), default="judged", show_default=True)
@click.option(
    "--challenge",
    metavar="N|P%|all",
    help="Windows to evaluate again at level `reproduced`.  [default: 25%]",
)
@click.option(
    "--execution-mode",
    "mode",
    type=click.Choice(["auto", "sandbox", "host"]),
    default="auto",
    show_default=True,
    help="The boundary that measures again.",
)
@click.option("--device", default="cpu", show_default=True, help="Where it measures.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of it.")
@click.option("--memory-budget", metavar="SIZE", help="Memory that measuring again may take.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
)
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    bundle: Path,
    cosigned: tuple[Path, ...],
    run: Path | None,
    subject: Path | None,
    subject_digest: str | None,
    baseline: Path | None,
    data: Path | None,
    subject_signature: Path | None,
    subject_provenance: Path | None,
    baseline_signature: Path | None,
    baseline_provenance: Path | None,
    model_keys: tuple[Path, ...],
    beacon: str | None,
    beacon_time: str | None,
    registration: Path | None,
    disclosed: Path | None,
    policy: str | None,
    policy_digest: str | None,
    accept_strictness: bool,
    reference: str | None,
    max_age: str | None,
    require: tuple[str, ...],
    summary: Path | None,
    summary_type: str | None,
    summary_key: str | None,
    summary_public_key: Path | None,
    verifier_id: str | None,
    resource_uri: str | None,
    level: str,
    challenge: str | None,
    mode: Literal["auto", "sandbox", "host"],
    device: str,
    threads: int | None,
    memory_budget: str | None,
    style: str,
    **trust: Unpack[Trust],
) -> None:
    """Verify BUNDLE (a file, or a run's folder) up to a level, under your own bar."""
    from invarlock.cli.summary import summarising
    from invarlock.verify.challenge import DEFAULT_SHARE, parse_share
    from invarlock.verify.engine import verify_bundle
    from invarlock.verify.request import VerifyRequest
    from invarlock.verify.result import Level

    request = VerifyRequest(
        bundle=bundle,
        **named(trust),
        cosigned=cosigned,
        run=run,
        subject=subject,
        subject_digest=subject_digest,
        baseline=baseline,
        data=data,
        subject_signature=subject_signature,
        subject_provenance=subject_provenance,
        baseline_signature=baseline_signature,
        baseline_provenance=baseline_provenance,
        model_keys=model_keys,
        beacon=None if beacon is None else parse_beacon(beacon),
        beacon_time=None if beacon_time is None else parse_instant(beacon_time),
        registration=registration,
        disclosed=disclosed,
        policy=policy,
        policy_digest=policy_digest,
        accept_strictness=accept_strictness,
        reference=reference,
        max_age=None if max_age is None else parse_age(max_age),
        now=int(time.time()),
        require=parse_required(require),
        level=Level(level),
        challenge=DEFAULT_SHARE if challenge is None else parse_share(challenge),
        mode=mode,
        device=parse_device(device),
        threads=threads,
        memory_budget=None if memory_budget is None else parse_bytes(memory_budget),
    )
    write = summarising(
        request,
        summary,
        kind=summary_type,
        key=summary_key,
        public_key=summary_public_key,
        verifier=verifier_id,
        resource=resource_uri,
    )
    with _status(measures=request.asks(Level.MEASURED)) as say:
        result = verify_bundle(request, say)
    write(result)
    show(result, style, bundle, summary)
    ctx.exit(result.exit_code)


def show(result: VerificationResult, style: str, bundle: Path, summary: Path | None) -> None:
    """Print ``result`` about ``bundle`` as text, JSON or SARIF; ``summary`` was written."""
    if style == "json":
        click.echo(result.model_dump_json())
        return
    if style == "sarif":
        from invarlock.verify.sarif import verification_sarif

        click.echo(json.dumps(verification_sarif(result, str(bundle)), ensure_ascii=False))
        return
    from invarlock.verify.text import text_lines

    for line in text_lines(result):
        click.echo(line)
    if summary is not None:
        click.echo(f"summary     {summary}")


def _status(*, measures: bool) -> AbstractContextManager[Callable[[str], None]]:
    if not measures:
        return nullcontext(_silent)
    from invarlock.present.terminal import status_line

    return status_line()


def _silent(line: str) -> None:
    """Up to level `judged` all is over before a line could be read."""
