"""Values of options that need reading."""

from __future__ import annotations

import re
from typing import Final

from invarlock.errors import UsageFault

_SIZE: Final = re.compile(r"([0-9]{1,6})\s*(B|KiB|MiB|GiB|TiB)")
_SCALE: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def parse_bytes(text: str) -> int:
    """A size such as ``8GiB`` in bytes. Raises :class:`UsageFault` E701."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageFault("E701", f"`{text}` is not a size", "write it like `8GiB` or `512MiB`")
    return int(match[1]) * _SCALE[match[2]]
