"""Whom the consumer trusts, as typed: identities with their issuers, and one trust root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invarlock.errors import UsageFault

if TYPE_CHECKING:
    from invarlock.verify.request import ExpectedIdentity


def parse_identities(
    identities: Sequence[str], issuers: Sequence[str], repository: str | None, ref: str | None
) -> tuple[ExpectedIdentity, ...]:
    """Each identity with its issuer, in the order given.

    Raises :class:`UsageFault` E701 unless there is one issuer for each identity.
    """
    from invarlock.verify.request import ExpectedIdentity

    if len(identities) != len(issuers):
        hint = "an identity is worth what its issuer is; pass both"
        raise UsageFault("E701", "each --identity needs its --issuer", hint)
    if not identities and (repository or ref):
        raise UsageFault("E701", "--repository and --ref belong to an identity", "pass --identity")
    return tuple(
        ExpectedIdentity(identity, issuer, repository, ref)
        for identity, issuer in zip(identities, issuers, strict=True)
    )


def one_root(trust_config: Path | None, trusted_root: Path | None) -> Path | None:
    """The file that holds the trust root. Raises :class:`UsageFault` E701 for two."""
    if trust_config is not None and trusted_root is not None:
        hint = "give one of them"
        raise UsageFault("E701", "--trust-config and --trusted-root were both given", hint)
    return trust_config if trust_config is not None else trusted_root
