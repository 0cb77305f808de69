"""One window with everything of it, as the bytes of its leaf in the Merkle tree.

A leaf is one line of canonical JSON, ``{"columns": […], "rows": n, "tokens": n, "window": {…}}``,
ended by a newline, and after it the window's token ids as little-endian uint32 and its rows of
each column, one column after the other, as little-endian int64. Canonical JSON holds no newline,
so that a leaf is read in one way only. Who holds one leaf, its place and the audit path checks it
against the signed root without the other windows (:mod:`invarlock.evidence.merkle`).
"""

from __future__ import annotations

import numpy as np

from invarlock.canonical import canonical_bytes
from invarlock.evidence.merkle import merkle_root
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import BASELINE_COLUMNS, SUBJECT_COLUMNS, Digest

COLUMNS = (*(f"baseline.{name}" for name in BASELINE_COLUMNS), *SUBJECT_COLUMNS)


def window_leaves(evidence: Evidence) -> list[bytes]:
    """The leaf of every window, in schedule order."""
    count = len(evidence.windows)
    held = (evidence.baseline_loss, evidence.loss, evidence.kl, evidence.delta_p, evidence.top1)
    table = np.stack([column.reshape(count, -1) for column in held], axis=1).astype("<i8")
    tokens = evidence.tokens.astype("<u4")
    return [
        _head(evidence, position) + tokens[position].tobytes() + table[position].tobytes()
        for position in range(count)
    ]


def windows_root(evidence: Evidence) -> Digest:
    """The root of the Merkle tree over all windows."""
    return merkle_root(window_leaves(evidence))


def _head(evidence: Evidence, position: int) -> bytes:
    head = {
        "columns": list(COLUMNS),
        "rows": evidence.scored,
        "tokens": int(evidence.tokens.shape[1]),
        "window": evidence.windows[position].model_dump(mode="json"),
    }
    return canonical_bytes(head) + b"\n"
