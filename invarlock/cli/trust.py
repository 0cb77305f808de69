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
    identities = parse_identities(
        trust["identities"], trust["issuers"], trust["repository"], trust["ref"]
    )
    root = one_root(trust["trust_config"], trust["trusted_root"])
    return {"keys": trust["keys"], "identities": identities, "trust_root": root}
