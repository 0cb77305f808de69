"""One window with everything of it, as the bytes of its leaf in the Merkle tree.

A leaf is one line of canonical JSON, ``{"columns": […], "window": {…}}``, ended by a newline, and
after it the window's token ids and its rows' positions as little-endian uint32, and its rows of
each column, one column after the other, as little-endian int64. Canonical JSON holds no newline,
so that a leaf is read in one way only. Who holds one leaf, its place and the audit path checks it
against the signed root without the other windows (:mod:`invarlock.evidence.merkle`).
"""

from __future__ import annotations

import numpy as np

from invarlock.canonical import canonical_bytes
from invarlock.evidence.merkle import merkle_root
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Digest


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
