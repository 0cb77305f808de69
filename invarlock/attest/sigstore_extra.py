"""The extra `sigstore`: what to say without it, and how its words are kept off a terminal."""

from __future__ import annotations

import logging
from typing import Final

from invarlock.errors import EnvironmentFault

_NOWHERE: Final = logging.NullHandler()


def missing_extra() -> EnvironmentFault:
    """E605, naming the extra."""
    return EnvironmentFault(
        "E605", "`sigstore` is not installed", "pip install 'invarlock[sigstore]'"
    )


def hush() -> None:
    """The library's warnings go to whoever logs; without one they would reach the terminal."""
    logging.getLogger("sigstore").addHandler(_NOWHERE)
