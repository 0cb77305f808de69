"""Invariants of a tensor: how many of its numbers are NaN or infinite."""

from __future__ import annotations

import numpy as np

from invarlock.measure.weights.stored import Doubles


def count_non_finite(block: Doubles) -> int:
    """NaN and infinities in ``block``."""
    return int(block.size - np.count_nonzero(np.isfinite(block)))
