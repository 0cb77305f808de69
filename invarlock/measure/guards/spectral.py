"""The largest singular value of a matrix, from the Gram matrix of its smaller side in float64.

The whole spectrum of the Gram matrix is computed: plain power iteration is off by percents where
σ₁/σ₂ is near one, as it is in real models. An eigenvalue of a symmetric matrix comes out with an
absolute error of about 1e-16·n·σ₁², so ln σ₁ is good to 1e-12 whatever the gap below σ₁.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log

import numpy as np

from invarlock.measure.guards.blocks import Doubles


def gram(blocks: Iterable[Doubles], side: int, *, rows: bool) -> Doubles:
    """AᵀA from blocks of rows of A (``rows``), or AAᵀ from blocks of columns: (side, side)."""
    total = np.zeros((side, side), dtype=np.float64)
    for block in blocks:
        total += block.T @ block if rows else block @ block.T
    return total


def log_sigma(gram_matrix: Doubles) -> float | None:
    """ln σ₁ of the matrix whose Gram matrix this is; ``None`` when σ₁ is zero.

    The caller has made sure that all is finite.
    """
    largest = float(np.linalg.eigvalsh(gram_matrix)[-1]) if gram_matrix.size else 0.0
    return 0.5 * log(largest) if largest > 0.0 else None
