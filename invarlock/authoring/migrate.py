"""Bringing a policy from an older language version to the current one.

There is one version, so the table of migrations is empty. A migration is a function from source
to source; what it returns must compile to the digest that the compiler of its version gave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from invarlock.policy.build import build
from invarlock.policy.parse import parse

Migration = Callable[[str], str]
MIGRATIONS: Final[Mapping[str, Migration]] = {}
"""By the language version, as it is written, that each starts from. It leads to the next."""


def migrate(source: bytes) -> bytes:
    """``source`` as far as migrations lead: unchanged in the current version, and where it is in
    an unknown one (E112) or no text (E115), which is for the compiler to refuse."""
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError:
        return source
    while (step := MIGRATIONS.get(_version(text))) is not None:
        text = step(text)
    return text.encode()


def _version(text: str) -> str:
    version = build(parse(text)[0], text).version
    return "" if version is None else version.number
