"""Invariants of a tensor: what is not finite in it, and whether another holds the same numbers."""

from __future__ import annotations

import numpy as np

from invarlock.measure.guards.blocks import row_blocks
from invarlock.measure.weights.stored import Doubles, Weight


def count_non_finite(block: Doubles) -> int:
    """NaN and infinities in ``block``."""
    return int(block.size - np.count_nonzero(np.isfinite(block)))


def same_numbers(one: Weight, other: Weight) -> bool:
    """Whether two weights of one shape hold the same numbers; NaN equals nothing."""
    blocks = zip(
        row_blocks(one.shape, one.view()), row_blocks(other.shape, other.view()), strict=True
    )
    return all(np.array_equal(left, right) for left, right in blocks)
