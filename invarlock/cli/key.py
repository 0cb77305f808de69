"""``invarlock key``: make local keys."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def key() -> None:
    """Make keys that sign attestations."""


@key.command("new")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--type",
    "key_type",
    type=click.Choice(["p256", "ed25519"]),
    default="p256",
    show_default=True,
    help="ECDSA on P-256 with SHA-256, or Ed25519.",
)
@click.option(
    "--encrypt",
    is_flag=True,
    help="Encrypt the private key: passphrase by prompt, or from INVARLOCK_KEY_PASSPHRASE.",
)
def new(path: Path, key_type: str, *, encrypt: bool) -> None:
    """Write a private key to PATH (mode 0600) and its public half to PATH.pub.

    A folder that is absent is made (mode 0700).
    """
    from invarlock.attest.keys import KeyType, new_key, public_path
    from invarlock.cli.secrets import ask_new

    passphrase = ask_new(f"passphrase for `{path}`") if encrypt else None
    public = new_key(path, KeyType(key_type), passphrase)
    click.echo(f"private key  {path}{' (encrypted)' if encrypt else ''}")
    click.echo(f"public key   {public_path(path)}")
    click.echo(f"fingerprint  {public.fingerprint}")
