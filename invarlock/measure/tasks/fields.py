"""Reading the fields of a line of data. Whatever is wrong is a :class:`Malformed` that says so."""

from __future__ import annotations

from collections.abc import Mapping

from invarlock.canonical import Json
from invarlock.measure.ingest import Malformed


def text(line: Mapping[str, Json], key: str, *, filled: bool = False) -> str:
    """The text under ``key``; not empty if it must be ``filled``."""
    value = line.get(key)
    if not isinstance(value, str):
        raise Malformed(f"has no `{key}` string")
    if filled and not value:
        raise Malformed(f"has an empty `{key}`")
    return value


def items(line: Mapping[str, Json], key: str, least: int, most: int) -> list[Json]:
    """The list under ``key`` of ``least`` to ``most`` values."""
    value = line.get(key)
    if not isinstance(value, list):
        raise Malformed(f"has no list `{key}`")
    if not least <= len(value) <= most:
        raise Malformed(f"has {len(value)} of `{key}`, not {least} to {most}")
    return value
