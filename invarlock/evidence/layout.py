"""Windows laid end to end: their token ids, and the rows scored in each.

Windows need not be of one length, nor score one number of tokens each. What runs over all windows
(token ids, positions, per-row columns) is stored flat; where a window's part begins is the sum of
the lengths, or of the rows, of those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from invarlock.evidence.schema import Window

UInt32s = NDArray[np.uint32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The windows of a schedule, in its order.

    Attributes:
        tokens: token ids of all windows, shape (sum of lengths,).
        positions: for every row the position in its window of the token it scores, (rows,).
        lengths: tokens of each window, (windows,).
        counts: rows of each window, (windows,).
    """

    tokens: UInt32s
    positions: UInt32s
    lengths: Int64s
    counts: Int64s

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def rows(self) -> int:
        """Rows of all windows together."""
        return len(self.positions)

    @property
    def starts(self) -> Int64s:
        """Where each window's tokens begin, and one end beyond the last: (windows + 1,)."""
        return offsets(self.lengths)

    @property
    def offsets(self) -> Int64s:
        """Where each window's rows begin, and one end beyond the last: (windows + 1,)."""
        return offsets(self.counts)

    @property
    def owners(self) -> Int64s:
        """The window of each row, (rows,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts)

    @property
    def truth(self) -> UInt32s:
        """The token that each row scores, (rows,)."""
        found: UInt32s = self.tokens[self.starts[self.owners] + self.positions]
        return found

    def part(self, start: int, stop: int) -> Layout:
        """The windows ``start`` to ``stop``, without the last."""
        tokens, rows = self.starts, self.offsets
        last = min(stop, len(self))
        return Layout(
            self.tokens[tokens[start] : tokens[last]],
            self.positions[rows[start] : rows[last]],
            self.lengths[start:last],
            self.counts[start:last],
        )

    def window(self, index: int) -> UInt32s:
        """The token ids of one window."""
        starts = self.starts
        return self.tokens[starts[index] : starts[index + 1]]


def offsets(counts: Int64s) -> Int64s:
    """Sums of all counts before each, and of all: (n + 1,)."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def layout_of(windows: Sequence[Window], tokens: UInt32s, positions: UInt32s) -> Layout:
    """The layout of ``windows`` over their flat arrays, whose sizes must fit."""
    return Layout(
        tokens,
        positions,
        np.array([window.length for window in windows], dtype=np.int64),
        np.array([window.rows for window in windows], dtype=np.int64),
    )


def whole_runs(tokens: NDArray[Any]) -> Layout:
    """Windows of one length, shape (windows, length), of which all tokens but the first are
    scored."""
    count, length = tokens.shape
    every = np.tile(np.arange(1, length, dtype="<u4"), count)
    lengths = np.full(count, length, dtype=np.int64)
    return Layout(
        np.ascontiguousarray(tokens, dtype="<u4").reshape(-1), every, lengths, lengths - 1
    )
