"""Choosing the boundary: the sandbox, or a refusal; the plain host only by name."""

from __future__ import annotations

from typing import Final, Literal, assert_never

from invarlock.security.bubblewrap import check_usable, find_bubblewrap
from invarlock.security.plan import Mode
from invarlock.security.seccomp import build_filter

Requested = Literal["auto", "sandbox", "host"]
REQUESTS: Final[tuple[Requested, ...]] = ("auto", "sandbox", "host")


def choose_mode(requested: Requested) -> Mode:
    """The mode to launch in. ``auto`` is the sandbox and never falls to the host.

    Raises SafetyRefusal E301 when a sandbox is wanted and bubblewrap is absent, too old or not
    allowed to work here, EnvironmentFault E605 without a seccomp library: all before anything
    large is read.
    """
    match requested:
        case "auto" | "sandbox":
            check_usable(find_bubblewrap())
            build_filter()
            return "sandbox"
        case "host":
            return "host"
        case _:
            assert_never(requested)
