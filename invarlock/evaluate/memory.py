"""How much memory a run may take, where nobody said."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

BOUNDARY_BYTES: Final = 400 << 20
"""Of one boundary: interpreter, libraries, and what they keep; measured on a model of no size."""

_SHARE: Final = 0.9
_AVAILABLE: Final = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)
_GROUP: Final = Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """Nine tenths of what the kernel says could be had now, the control group's limit kept."""
    return int(_SHARE * min(_machine(), _group()))


def sealed_share(budget: int, holders: int) -> int:
    """Bytes of sealed copies that one model may take of ``budget``, of which ``holders`` processes
    seal copies: two models, and twice as much again for a boundary that loads one of them."""
    return max(0, budget // holders - BOUNDARY_BYTES) // 4


def _machine() -> int:
    try:
        match = _AVAILABLE.search(Path("/proc/meminfo").read_text("ascii"))
    except OSError:
        match = None
    if match is not None:
        return int(match[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _group() -> float:
    try:
        limit = (_GROUP / "memory.max").read_text("ascii").strip()
        used = int((_GROUP / "memory.current").read_text("ascii"))
    except (OSError, ValueError):
        return float("inf")
    return float("inf") if limit == "max" else max(0, int(limit) - used)
