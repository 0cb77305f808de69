"""Options that say whom the consumer trusts to sign, and what was typed for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar

import click

from invarlock.errors import UsageFault

if TYPE_CHECKING:
    from invarlock.verify.request import ExpectedIdentity

F = TypeVar("F", bound=Callable[..., Any])
_PATH: Final = click.Path(path_type=Path)
_OPTIONS: Final = (
    click.option(
        "--key",
        "keys",
        metavar="PUB",
        type=_PATH,
        multiple=True,
        help="Public key of a signer that you trust; repeatable.",
    ),
    click.option(
        "--identity",
        "identities",
        metavar="URI|ADDRESS",
        multiple=True,
        help="Whose certificate you trust, exactly; repeatable.",
    ),
    click.option(
        "--issuer",
        "issuers",
        metavar="URL",
        multiple=True,
        help="By whose word; one for each --identity.",
    ),
    click.option(
        "--repository", metavar="URL", help="The source repository, if not the workflow's."
    ),
    click.option("--ref", metavar="REF", help="The source's ref, where it is not the workflow's."),
    click.option(
        "--trust-config",
        metavar="FILE",
        type=_PATH,
        help="Which Sigstore.  [default: the public one]",
    ),
    click.option("--trusted-root", metavar="FILE", type=_PATH, help="Its trusted root alone."),
)


class Trust(TypedDict):
    """The options' values."""

    keys: tuple[Path, ...]
    identities: tuple[str, ...]
    issuers: tuple[str, ...]
    repository: str | None
    ref: str | None
    trust_config: Path | None
    trusted_root: Path | None


def trust_options(command: F) -> F:
    """The options of :class:`Trust`, for a function that takes ``**trust: Unpack[Trust]``."""
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


def named(trust: Trust) -> dict[str, Any]:
    """The fields of a :class:`VerifyRequest` that they give. Raises :class:`UsageFault` E701."""
    identities = _identities(
        trust["identities"], trust["issuers"], trust["repository"], trust["ref"]
    )
    root = _one_root(trust["trust_config"], trust["trusted_root"])
    return {"keys": trust["keys"], "identities": identities, "trust_root": root}


def _identities(
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


def _one_root(trust_config: Path | None, trusted_root: Path | None) -> Path | None:
    """The file that holds the trust root. Raises :class:`UsageFault` E701 for two."""
    if trust_config is not None and trusted_root is not None:
        hint = "give one of them"
        raise UsageFault("E701", "--trust-config and --trusted-root were both given", hint)
    return trust_config if trust_config is not None else trusted_root
