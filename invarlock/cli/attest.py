"""``invarlock attest``: sign what a run's report lists."""

from __future__ import annotations

from pathlib import Path

import click

from invarlock.errors import UsageFault


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="Private key; a P-256 key is made there (mode 0600) when there is none.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the bundle.  [default: RUN/attestation.sigstore.json]",
)
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def attest(run: Path, key: Path | None, out: Path | None, style: str) -> None:
    """Sign the report of RUN as it stands; nothing is refreshed or judged again."""
    from invarlock.attest.attest_run import attest_run
    from invarlock.attest.keys import public_path

    if key is None:
        raise UsageFault("E701", "no key to sign with", "pass --key PATH")
    done = attest_run(run, key, out)
    if style == "json":
        click.echo(done.model_dump_json())
        return
    if done.key_made:
        click.echo(f"made a key   {key} (give consumers {public_path(key)})", err=True)
    click.echo(f"attestation  {done.bundle}")
    click.echo(f"subject      {done.subject}")
    click.echo(f"verdict      {done.verdict} (as reported; `invarlock verify` recomputes it)")
    click.echo(f"signed by    {done.key}")
