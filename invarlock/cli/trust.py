"""Options that say whom the consumer trusts to sign, where a command verifies many times."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

import click

from invarlock.cli.identities import one_root, parse_identities

F = TypeVar("F", bound=Callable[..., Any])
_PATH: Final = click.Path(path_type=Path)
_OPTIONS: Final = (
    click.option(
        "--key", "keys", type=_PATH, multiple=True, help="Public key of a signer that you trust."
    ),
    click.option(
        "--identity", "identities", multiple=True, help="Whose certificate you trust, exactly."
    ),
    click.option(
        "--issuer", "issuers", multiple=True, help="By whose word; one for each --identity."
    ),
    click.option("--repository", help="The source repository's URI, if it is not the workflow's."),
    click.option("--ref", help="The source's ref, where it is not the workflow's."),
    click.option("--trust-config", type=_PATH, help="Which Sigstore.  [default: the public one]"),
    click.option("--trusted-root", type=_PATH, help="Its trusted root alone."),
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
    identities = parse_identities(
        trust["identities"], trust["issuers"], trust["repository"], trust["ref"]
    )
    root = one_root(trust["trust_config"], trust["trusted_root"])
    return {"keys": trust["keys"], "identities": identities, "trust_root": root}
