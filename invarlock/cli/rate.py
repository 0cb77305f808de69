"""Rates of reading, as typed."""

from __future__ import annotations

import re
from typing import Final

from invarlock.errors import UsageFault

_RATE: Final = re.compile(r"([0-9]{1,6})\s*(B|kB|MB|GB|KiB|MiB|GiB)/s")
_BYTES: Final = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}


def parse_rate(text: str) -> int:
    """A rate such as ``50MB/s`` in bytes a second, above none. Raises :class:`UsageFault` E701."""
    match = _RATE.fullmatch(text)
    rate = int(match[1]) * _BYTES[match[2]] if match is not None else 0
    if rate == 0:
        raise UsageFault("E701", f"`{text[:80]}` is not a rate", "write it like `50MB/s`")
    return rate
