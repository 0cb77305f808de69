"""``invarlock attest``: sign what a run's report lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from invarlock.cli.signing import Signing, chosen_signer, signer_options

if TYPE_CHECKING:
    from invarlock.attest.attest_run import Attested
    from invarlock.attest.companions import CompanionType


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@signer_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the bundle.  [default: RUN/attestation.sigstore.json]",
)
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--companion",
    "companions",
    type=click.Choice(["test-result", "eval-result"]),
    multiple=True,
    help="Sign this in-toto predicate too, made from the statement and written beside it.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be signed: one line, its exact bytes, without a newline at the end.",
)
def attest(
    run: Path,
    *,
    out: Path | None,
    style: str,
    companions: tuple[CompanionType, ...],
    dry_run: bool,
    **signing: Unpack[Signing],
) -> None:
    """Sign the report of RUN as it stands; nothing is refreshed or judged again.

    The passphrase of a key, or the PIN of a token, is asked for on a terminal, or taken from
    INVARLOCK_KEY_PASSPHRASE.
    """
    from invarlock.attest.attest_run import attest_run, payloads_of, statement_of_run

    companions = tuple(dict.fromkeys(companions))
    if dry_run:
        # the exact bytes: no newline at the end, so that their sha256 is the payload's
        click.echo(b"\n".join(payloads_of(statement_of_run(run)[1], companions)), nl=False)
        return
    signer = chosen_signer(**signing)
    done = attest_run(run, signer, out, companions, signing["timestamp_authority"])
    if style == "json":
        click.echo(done.model_dump_json())
        return
    for line in _lines(done, signing["key"]):
        click.echo(line)


def _lines(done: Attested, key: str | None) -> Iterator[str]:
    from invarlock.attest.keys import public_path
    from invarlock.attest.signers import key_path

    path = key_path(key) if done.key_made and key is not None else None
    if path is not None:
        click.echo(f"made a key   {path} (give consumers {public_path(path)})", err=True)
    yield f"attestation  {done.bundle}"
    for companion in done.companions:
        yield f"companion    {companion}"
    yield f"subject      {done.subject}"
    yield f"verdict      {done.verdict} (as reported; `invarlock verify` recomputes it)"
    if done.keyless is None:
        yield f"signed by    {done.key}"
        return
    yield f"signed by    {done.keyless.identity}"
    yield f"issuer       {done.keyless.issuer}"
    yield f"log entry    {done.keyless.log_index}"
    yield f"timestamps   {done.keyless.timestamps}"
