"""Observing a boundary from inside: every denied thing is tried for real.

Runs in the child before any model byte is opened, and before the tripwires are armed, so that what
answers is the kernel. On a plain host the same trials succeed, which is how their tests know that
they can. Sends nothing to any network: UDP ``connect`` only looks a route up.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from invarlock.security.manifest import OPEN, InsideObservation
from invarlock.security.proc import count_routes, parse_interfaces, parse_status, read_proc

_CLONE_NEWUSER: Final = 0x10000000
_CONNECT_TIMEOUT_S: Final = 1.0
_TEST_NET_4: Final = ("192.0.2.1", 9)  # RFC 5737
_TEST_NET_6: Final = ("2001:db8::1", 9)  # RFC 3849
_KERNEL_SETTING: Final = Path("/proc/sys/kernel/core_pattern")
_NO_TMPFILE: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR})
_LIMITS: Final = {
    "address_space": resource.RLIMIT_AS,
    "core": resource.RLIMIT_CORE,
    "cpu": resource.RLIMIT_CPU,
    "file_size": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "processes": resource.RLIMIT_NPROC,
}
_MAX_NAMES: Final = 64


def probe_inside(listener_port: int | None = None, inputs: Path = Path("/in")) -> InsideObservation:
    """Try what a closed boundary denies, and say what happened.

    ``listener_port`` is a port on which the parent really listens on its loopback; without one
    that trial is missing, which counts against the boundary. ``inputs`` is the folder of inputs.
    """
    status = parse_status(read_proc("self", "status"))
    return InsideObservation(
        user=os.getuid(),
        interfaces=parse_interfaces(read_proc("self", "net/dev")),
        routes=count_routes(read_proc("self", "net/route")),
        connect=_connects(listener_port),
        write=_writes(inputs),
        read={"/etc/passwd": _trial(lambda: Path("/etc/passwd").open("rb").close())},
        nested_user_namespace=_nested_user_namespace(),
        capabilities=status.capabilities.get("effective", "0"),
        no_new_privileges=status.no_new_privileges,
        seccomp=status.seccomp,
        limits={name: _limit(number) for name, number in _LIMITS.items()},
        environment=tuple(sorted(os.environ)[:_MAX_NAMES]),
    )


def _trial(deed: Callable[[], None]) -> str:
    try:
        deed()
    except OSError as err:
        return errno.errorcode.get(err.errno or 0, type(err).__name__)
    return OPEN


def _connects(port: int | None) -> dict[str, str]:
    found = {
        "udp4": _trial(lambda: _connect(socket.AF_INET, socket.SOCK_DGRAM, _TEST_NET_4)),
        "udp6": _trial(lambda: _connect(socket.AF_INET6, socket.SOCK_DGRAM, _TEST_NET_6)),
    }
    if port is not None:
        address = ("127.0.0.1", port)
        found["loopback"] = _trial(lambda: _connect(socket.AF_INET, socket.SOCK_STREAM, address))
    return found


def _connect(family: int, kind: int, address: tuple[str, int]) -> None:
    with socket.socket(family, kind) as link:
        link.settimeout(_CONNECT_TIMEOUT_S)
        link.connect(address)


def _writes(inputs: Path) -> dict[str, str]:
    return {
        "/": _trial(lambda: _create_in(Path("/"))),
        "/usr": _trial(lambda: _create_in(Path("/usr"))),
        "inputs": _trial(lambda: _create_in(inputs)),
        "interpreter": _trial(lambda: _create_in(Path(sys.prefix))),
        "kernel": _trial(lambda: os.close(os.open(_KERNEL_SETTING, os.O_WRONLY))),
    }


def _create_in(folder: Path) -> None:
    """Create a file without a name, so that nothing stays behind where it works."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except OSError as err:
        if err.errno not in _NO_TMPFILE:
            raise
        with tempfile.NamedTemporaryFile(dir=folder):
            pass


def _nested_user_namespace() -> str:
    """Try it in a fork: success would change the process that tried."""
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        os._exit(0 if libc.unshare(_CLONE_NEWUSER) == 0 else min(ctypes.get_errno(), 255))
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return OPEN if code == 0 else errno.errorcode.get(code, f"exit {code}")


def _limit(number: int) -> str:
    soft, _ = resource.getrlimit(number)
    return "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
