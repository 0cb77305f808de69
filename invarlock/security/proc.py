"""Reading ``/proc/PID``: status, network devices, routes, mounts, namespaces."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_READ_CAP: Final = 4 << 20
_CAPABILITY_LINES: Final = {
    "CapInh": "inheritable",
    "CapPrm": "permitted",
    "CapEff": "effective",
    "CapBnd": "bounding",
    "CapAmb": "ambient",
}


@dataclass(frozen=True, slots=True)
class Status:
    """The privileges in ``/proc/PID/status``; ``seccomp`` 2 is a filter."""

    capabilities: dict[str, str]
    no_new_privileges: int
    seccomp: int


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of ``mountinfo``: where, and whether this mount is read-only."""

    point: str
    read_only: bool


def read_proc(pid: int | str, name: str) -> str:
    """The text of ``/proc/PID/name``. Raises OSError."""
    with Path(f"/proc/{pid}/{name}").open("rb") as file:
        return file.read(_READ_CAP).decode("utf-8", "backslashreplace")


def parse_status(text: str) -> Status:
    """Privileges out of ``status``; lines that an old kernel lacks count as unprivileged = 0."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    held = {
        name: fields[line].strip().lstrip("0") or "0"
        for line, name in _CAPABILITY_LINES.items()
        if line in fields
    }
    return Status(held, int(fields.get("NoNewPrivs", "0")), int(fields.get("Seccomp", "0")))


def parse_interfaces(text: str) -> tuple[str, ...]:
    """Names of network devices out of ``net/dev``, sorted."""
    return tuple(
        sorted(line.split(":", 1)[0].strip() for line in text.splitlines()[2:] if ":" in line)
    )


def count_routes(text: str) -> int:
    """Routes in ``net/route``, below its heading."""
    return sum(1 for line in text.splitlines()[1:] if line.strip())


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Mounts out of ``mountinfo``, in order; the last at a point is the one that shows."""
    rows = [line.split(" ") for line in text.splitlines()]
    return tuple(Mount(row[4], "ro" in row[5].split(",")) for row in rows if len(row) > 6)


def namespace(pid: int | str, kind: str) -> str:
    """The identity of a process's namespace, such as ``net:[4026531840]``. Raises OSError."""
    return os.readlink(f"/proc/{pid}/ns/{kind}")
