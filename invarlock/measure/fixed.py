"""Floating point into evidence numbers: int64 in units of 1e-9, half-even, non-finite flagged."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NANO, NON_FINITE
from invarlock.evidence.model import Int64s

_LIMIT: Final = 9.0e18
"""Beyond this a product with 1e9 may not fit into int64; no log-loss of float32 comes near it
unless the model is broken, and a broken number is flagged."""


def to_nano(values: NDArray[np.float64]) -> Int64s:
    """``values`` in units of 1e-9, rounded half-even; NaN, infinite and too large ones become
    :data:`~invarlock.canonical.NON_FINITE`."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(values * float(NANO))
        good = np.isfinite(scaled) & (np.abs(scaled) < _LIMIT)
    return np.where(good, np.where(good, scaled, 0.0).astype(np.int64), NON_FINITE)
