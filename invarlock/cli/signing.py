"""Whose signature a command makes: `--key` or `--sigstore`."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar

import click

from invarlock.errors import UsageFault

if TYPE_CHECKING:
    from invarlock.attest.keyless import KeylessSigning
    from invarlock.attest.signers import KeySigning

F = TypeVar("F", bound=Callable[..., Any])
_PATH: Final = click.Path(path_type=Path)
_OPTIONS: Final = (
    click.option(
        "--key",
        metavar="URI",
        help="Private key: a path, where a P-256 key is made (mode 0600) when there is none, or "
        "hsm:, awskms:, gcpkms:, azurekms:, hv: for a key in a token or service.",
    ),
    click.option(
        "--public-key",
        metavar="PUB",
        type=_PATH,
        help="Public half of that key, which a service needs; signatures are checked against it.",
    ),
    click.option(
        "--sigstore",
        "keyless",
        is_flag=True,
        help="Sign with an identity: the CI job's own, or one from a login in the browser.",
    ),
    click.option(
        "--trust-config",
        metavar="FILE",
        type=_PATH,
        help="Which Sigstore: a client trust configuration.  [default: the public instance]",
    ),
    click.option(
        "--identity-token",
        metavar="TOKEN|FILE",
        help="The identity to sign with, an OIDC token.",
    ),
    click.option(
        "--timestamp-authority",
        metavar="URL",
        help="Have this authority (RFC 3161) sign the time of a key's signature.",
    ),
)


class Signing(TypedDict):
    """The options' values."""

    key: str | None
    public_key: Path | None
    keyless: bool
    trust_config: Path | None
    identity_token: str | None
    timestamp_authority: str | None


def signer_options(command: F) -> F:
    """The options of :class:`Signing`, for a function that takes ``**signing:
    Unpack[Signing]``."""
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


def chosen_signer(
    *,
    key: str | None,
    public_key: Path | None,
    keyless: bool,
    trust_config: Path | None,
    identity_token: str | None,
    timestamp_authority: str | None = None,
) -> KeySigning | KeylessSigning:
    """The signer that the options name. Raises :class:`UsageFault` E701 for none, or two."""
    from invarlock.attest.keyless import KeylessSigning
    from invarlock.attest.signers import KeySigning
    from invarlock.cli.secrets import Asked

    if key is not None and keyless:
        raise UsageFault("E701", "--key and --sigstore were both given", "give one of them")
    if not keyless and (trust_config or identity_token):
        hint = "pass --sigstore, too"
        raise UsageFault("E701", "no keyless signature was asked for", hint)
    if keyless and timestamp_authority:
        hint = "its trust configuration names the authorities"
        raise UsageFault("E701", "--timestamp-authority is for keys, not for --sigstore", hint)
    if keyless:
        return KeylessSigning(trust_config, identity_token)
    if key is not None:
        return KeySigning(key, public_key, Asked())
    hint = "pass --key URI, or --sigstore"
    raise UsageFault("E701", "no key and no identity to sign with", hint)
