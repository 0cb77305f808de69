"""What to say where the extra `sigstore` is not installed."""

from __future__ import annotations

from invarlock.errors import EnvironmentFault


def missing_extra() -> EnvironmentFault:
    """E605, naming the extra."""
    return EnvironmentFault(
        "E605", "`sigstore` is not installed", "pip install 'invarlock[sigstore]'"
    )
