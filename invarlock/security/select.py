"""Choosing the boundary: the sandbox, or a refusal; the plain host only by name."""

from __future__ import annotations

from typing import Final, Literal, assert_never

from invarlock.security.bubblewrap import find_bubblewrap
from invarlock.security.plan import Mode

Requested = Literal["auto", "sandbox", "host"]
REQUESTS: Final[tuple[Requested, ...]] = ("auto", "sandbox", "host")


def choose_mode(requested: Requested) -> Mode:
    """The mode to launch in. ``auto`` is the sandbox and never falls to the host.

    Raises SafetyRefusal E301 when a sandbox is wanted and bubblewrap is absent or too old.
    """
    match requested:
        case "auto" | "sandbox":
            find_bubblewrap()
            return "sandbox"
        case "host":
            return "host"
        case _:
            assert_never(requested)
