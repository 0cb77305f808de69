"""Tripwires: audit hooks that refuse and record, so that a mistake fails early and shows.

This is not a boundary. Code that means harm gets round an audit hook (CPython says so; native code
never meets it). What holds such code is the sandbox; this only catches the honest accident, such
as a library that reaches for a hub, and counts it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from invarlock.errors import SafetyRefusal

ALLOW_NETWORK: Final = "INVARLOCK_ALLOW_NETWORK"

_ADDRESSED: Final = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
_LOOKUPS: Final = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)
_STARTS: Final = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile"}
)

_allowed: ContextVar[bool] = ContextVar("invarlock_network_allowed", default=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """How often a tripwire refused: ``connections`` to a network, ``permissions`` to start a
    program."""

    connections: int = 0
    permissions: int = 0


class _Tripwire:
    """The process's one hook. An audit hook cannot be removed, so neither can its counts."""

    def __init__(self) -> None:
        self.installed = False
        self.network = False
        self.programs = False
        self.refused = Refused()

    def install(self) -> None:
        if not self.installed:
            self.installed = True
            sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if self.network and _is_network(event, args) and not _allowed.get():
            self.refused = Refused(self.refused.connections + 1, self.refused.permissions)
            raise SafetyRefusal(
                "E305", f"network access (`{event}`) refused", f"set {ALLOW_NETWORK}=1 to allow it"
            )
        if self.programs and event in _STARTS:
            self.refused = Refused(self.refused.connections, self.refused.permissions + 1)
            raise PermissionError(f"starting a program (`{event}`) is refused in the boundary")


_TRIPWIRE: Final = _Tripwire()


def _is_network(event: str, args: tuple[object, ...]) -> bool:
    if event in _LOOKUPS:
        return True
    # The address of a Unix socket is a path; every network family has a tuple.
    return event in _ADDRESSED and len(args) > 1 and isinstance(args[1], tuple)


def enforce_default_security() -> bool:
    """Arm the network tripwire in this process, once; later calls change nothing.

    With ``INVARLOCK_ALLOW_NETWORK=1`` in the environment it stays unarmed. Returns whether it is
    armed. Not a boundary: see the module.
    """
    if os.environ.get(ALLOW_NETWORK) != "1":
        arm(programs=False)
    return _TRIPWIRE.network


def arm(*, programs: bool) -> None:
    """Arm the network tripwire, and with ``programs`` the one against starting programs."""
    _TRIPWIRE.network = True
    _TRIPWIRE.programs = _TRIPWIRE.programs or programs
    _TRIPWIRE.install()


def refused() -> Refused:
    """What the tripwires of this process have refused so far."""
    return _TRIPWIRE.refused


@contextmanager
def temporarily_allow_network() -> Iterator[None]:
    """Let the tripwire pass network access by the current thread or task inside the block."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)
