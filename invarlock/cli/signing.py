"""Whose signature a command makes: `--key` or `--sigstore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from invarlock.errors import UsageFault

if TYPE_CHECKING:
    from invarlock.attest.keyless import KeylessSigning
    from invarlock.attest.signers import KeySigning


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
