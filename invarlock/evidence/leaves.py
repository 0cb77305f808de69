"""One window with everything of it, as the bytes of its leaf in the Merkle tree.

A leaf is one line of canonical JSON, ``{"columns": […], "window": {…}}``, ended by a newline, and
after it the window's token ids and its rows' positions as little-endian uint32, and its rows of
each column, one column after the other, as little-endian int64. Canonical JSON holds no newline,
so that a leaf is read in one way only. Who holds one leaf, its place and the audit path checks it
against the signed root without the other windows (:mod:`invarlock.evidence.merkle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import ValidationError

from invarlock.canonical import StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import VerificationFault
from invarlock.evidence.merkle import merkle_root
from invarlock.evidence.model import Evidence, Int64s, UInt32s
from invarlock.evidence.schema import Digest, Frozen, Window

_HINT: Final = "do not deploy; ask the producer"
_MAX_LINE: Final = 1 << 20


def window_leaves(evidence: Evidence) -> list[bytes]:
    """The leaf of every window, in schedule order."""
    layout = evidence.layout
    tokens, rows = layout.starts.tolist(), layout.offsets.tolist()
    table = np.stack(list(evidence.columns.values())).astype("<i8")
    names = list(evidence.columns)
    return [
        canonical_bytes({"columns": names, "window": window.model_dump(mode="json")})
        + b"\n"
        + layout.tokens[tokens[at] : tokens[at + 1]].astype("<u4").tobytes()
        + layout.positions[rows[at] : rows[at + 1]].astype("<u4").tobytes()
        + table[:, rows[at] : rows[at + 1]].tobytes()
        for at, window in enumerate(evidence.windows)
    ]


def windows_root(evidence: Evidence) -> Digest:
    """The root of the Merkle tree over all windows."""
    return merkle_root(window_leaves(evidence))


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One window as its leaf has it: token ids (length,), positions of rows (rows,), and of each
    column its rows as stored, (rows,)."""

    window: Window
    tokens: UInt32s
    positions: UInt32s
    columns: Mapping[str, Int64s]


class _Line(Frozen):
    columns: tuple[str, ...]
    window: Window


def read_leaf(data: bytes) -> Leaf:
    """The window that the leaf ``data`` holds.

    Raises :class:`VerificationFault` E405 for bytes that no leaf has.
    """
    line, _, rest = data.partition(b"\n")
    try:
        value = strict_json(line, max_bytes=_MAX_LINE)
        read = _Line.model_validate_json(line)
    except StrictJsonError as err:
        raise _malformed(f"its line is not strict json: {err}") from err
    except ValidationError as err:
        fault = err.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in fault["loc"]) or "top level"
        raise _malformed(f"`{where[:120]}`: {fault['msg'].lower()}") from err
    window, names = read.window, read.columns
    again = {"columns": list(names), "window": window.model_dump(mode="json")}
    if value != again or canonical_bytes(again) != line:
        raise _malformed("its line is not in canonical form")
    ends = np.cumsum([4 * window.length, 4 * window.rows, 8 * window.rows * len(names)])
    if len(rest) != ends[-1] or len(set(names)) != len(names):
        raise _malformed("its numbers are not as many as its window says")
    table = np.frombuffer(rest[ends[1] :], dtype="<i8").reshape(len(names), window.rows)
    return Leaf(
        window,
        np.frombuffer(rest[: ends[0]], dtype="<u4"),
        np.frombuffer(rest[ends[0] : ends[1]], dtype="<u4"),
        dict(zip(names, table, strict=True)),
    )


def _malformed(why: str) -> VerificationFault:
    line = "".join(char if char.isprintable() else "?" for char in why)
    return VerificationFault("E405", f"no leaf of a window: {line}", _HINT)
