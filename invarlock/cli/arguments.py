"""Values of options that need reading."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from invarlock.artifacts.regular import open_file
from invarlock.canonical import digest_bytes
from invarlock.errors import EnvironmentFault, UsageFault

if TYPE_CHECKING:
    from invarlock.evidence.schema import Beacon
    from invarlock.verify.required import Requirement

_SIZE: Final = re.compile(r"([0-9]{1,6})\s*(B|KiB|MiB|GiB|TiB)")
_SCALE: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HEX: Final = re.compile(r"([0-9a-f]{2}){16,}")
MAX_LABEL: Final = 200
_DEVICE: Final = re.compile(r"cpu|mps|cuda(:[0-9]{1,2})?")
_AGE: Final = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RANGE: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
MAX_RANGE: Final = 10_000
_SHARE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(%?)")


def parse_bytes(text: str) -> int:
    """A size such as ``8GiB`` in bytes. Raises :class:`UsageFault` E701."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageFault("E701", f"`{text}` is not a size", "write it like `8GiB` or `512MiB`")
    return int(match[1]) * _SCALE[match[2]]


def parse_device(text: str) -> str:
    """A device such as ``cpu`` or ``cuda:1``. Raises :class:`UsageFault` E701."""
    if _DEVICE.fullmatch(text) is None:
        message = f"`{text[:80]}` is not a device"
        raise UsageFault("E701", message, "write `cpu`, `cuda`, `cuda:N` or `mps`")
    return text


def beacon_of(value: str | None, source: str | None) -> Beacon | None:
    """What `--beacon` and `--beacon-source` name together.

    Raises :class:`UsageFault` E701 for a source without a beacon, or one that is not one short
    printable line; :class:`EnvironmentFault` E601 as :func:`parse_beacon` does.
    """
    from invarlock.evidence.schema import Beacon

    if value is None:
        if source is not None:
            raise UsageFault("E701", "--beacon-source without --beacon", "give both, or none")
        return None
    said = source if source is not None else "not said"
    if not 0 < len(said) <= MAX_LABEL or not said.isprintable():
        raise UsageFault("E701", "--beacon-source is not one short line", "shorten it")
    return Beacon(value=parse_beacon(value), source=said)


def parse_beacon(text: str) -> str:
    """The digest of a beacon: itself if it is one, else of the bytes that hex digits spell, at
    least 16, or of the file of this name.

    Raises :class:`EnvironmentFault` E601 for what is none of these.
    """
    if _DIGEST.fullmatch(text):
        return text
    if _HEX.fullmatch(text):
        return digest_bytes(bytes.fromhex(text))
    try:
        with open_file(Path(text)) as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        hint = "pass a digest, 32 or more hex digits, or a file"
        raise EnvironmentFault("E601", f"no beacon `{text[:80]}`", hint) from err


def parse_age(text: str) -> int:
    """An age such as ``90d``, ``12h``, ``30m`` or ``45s`` in seconds. Raises E701."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise UsageFault(
            "E701", f"`{text[:80]}` is no length of time", "write it like `90d`, `12h` or `30s`"
        )
    return int(match[1]) * _SECONDS[match[2]]


def parse_instant(text: str) -> int:
    """A time such as ``2026-01-31T12:00:00Z`` in seconds since 1970 UTC. Raises E701."""
    try:
        found = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as err:
        hint = "write it like `2026-01-31T12:00:00Z`"
        raise UsageFault("E701", f"`{text[:80]}` is no time", hint) from err
    return int(found.timestamp())


def parse_windows(text: str) -> list[int]:
    """Places of windows such as ``3,17,40-43``. Raises :class:`UsageFault` E701."""
    found: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            hint = "write them like `3,17` or `40-43`"
            raise UsageFault("E701", f"`{text[:80]}` names no windows", hint)
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if last < first or last - first > MAX_RANGE:
            hint = f"name at most {MAX_RANGE} in a row, the lowest first"
            raise UsageFault("E701", f"`{part[:80]}` names no windows", hint)
        found += range(first, last + 1)
    return found


def parse_required(values: Sequence[str]) -> frozenset[Requirement]:
    """What several `--require A,B` name together. Raises :class:`UsageFault` E701."""
    from invarlock.verify.required import REQUIREMENTS

    words = {word.strip() for value in values for word in value.split(",")}
    known = frozenset(one for one in REQUIREMENTS if one in words)
    for word in sorted(words - known):
        hint = f"name some of {', '.join(REQUIREMENTS)}"
        raise UsageFault("E701", f"nothing called `{word[:80]}` can be required", hint)
    return known


def parse_share(text: str) -> Fraction:
    """A share such as ``1%`` or ``0.01``, above zero and below one, exactly.

    Raises :class:`UsageFault` E701.
    """
    match = _SHARE.fullmatch(text)
    share = Fraction(0) if match is None else Fraction(match[1]) / (100 if match[2] else 1)
    if not 0 < share < 1:
        message = f"`{text[:80]}` is not a share above 0% and below 100%"
        raise UsageFault("E701", message, "write it like `1%`")
    return share
