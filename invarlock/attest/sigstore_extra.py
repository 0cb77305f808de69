"""The extra `sigstore`: what to say without it, and how its words are kept off a terminal."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from invarlock.errors import EnvironmentFault

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_NOWHERE: Final = logging.NullHandler()


def missing_extra() -> EnvironmentFault:
    """E605, naming the extra."""
    return EnvironmentFault(
        "E605", "`sigstore` is not installed", "pip install 'invarlock[sigstore]'"
    )


def hush() -> None:
    """The library's warnings go to whoever logs; without one they would reach the terminal."""
    logging.getLogger("sigstore").addHandler(_NOWHERE)


class Anyone:
    """The client's policy that refuses nobody: whom a certificate names is looked at once
    everything else holds."""

    def verify(self, cert: Certificate) -> None:
        """Nothing to refuse here."""
