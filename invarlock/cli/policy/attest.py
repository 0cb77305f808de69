"""``invarlock policy attest``: sign a bar by itself, before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from invarlock.cli.policy.forms import format_option
from invarlock.cli.signing import Signing, chosen_signer, signer_options

if TYPE_CHECKING:
    from invarlock.attest.attest_policy import RegisteredBar


@click.command()
@click.argument("reference", metavar="FILE#TIER[+PROFILE]")
@signer_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the bundle.  [default: FILE's stem.BAR.registration.sigstore.json]",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be signed: one line, its exact bytes, without a newline at the end.",
)
@format_option
def attest(
    reference: str,
    *,
    out: Path | None,
    dry_run: bool,
    form: str,
    **signing: Unpack[Signing],
) -> None:
    """Sign one bar, resolved, so that it can be shown to be older than a run.

    An evaluation whose bar sets `windows.beacon = required` takes the bundle as its beacon:
    `invarlock evaluate --beacon BUNDLE`. `invarlock verify --registration BUNDLE` checks it.
    """
    from invarlock.attest.attest_policy import attest_policy, statement_of_bar

    if dry_run:
        # the exact bytes: no newline, so that their sha256 is the payload's
        click.echo(statement_of_bar(reference)[3], nl=False)
        return
    signer = chosen_signer(**signing)
    done = attest_policy(reference, signer, out, signing["timestamp_authority"])
    if form == "json":
        click.echo(done.model_dump_json())
        return
    for line in _lines(done):
        click.echo(line)


def _lines(done: RegisteredBar) -> Iterator[str]:
    yield f"registration {done.bundle}"
    yield f"bar          {done.bar} {done.bar_digest}"
    yield f"beacon       {done.beacon} (of this file; `evaluate --beacon` takes it)"
    if not done.beacon_asked:
        yield "             the bar asks for no beacon, so no run can show that it came later;"
        yield "             set `windows.beacon = required`"
    yield f"signed by    {done.key if done.keyless is None else done.keyless.identity}"
    if done.keyless is not None:
        yield f"log entry    {done.keyless.log_index}"
