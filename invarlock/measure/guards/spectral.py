"""The spectrum of a matrix, from the Gram matrix of its smaller side in float64.

All eigenvalues of the Gram matrix are computed: plain power iteration is off by percents where
σ₁/σ₂ is near one, as it is in real models. An eigenvalue of a symmetric matrix comes out with an
absolute error of about 1e-16·n·σ₁² (Golub and Van Loan, Matrix Computations, section 8.1), so ln σ₁
is good to 1e-12 whatever the gap below σ₁; small eigenvalues are not, and nothing here needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from invarlock.measure.guards.blocks import Block
from invarlock.measure.weights.stored import Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Squares of the singular values of a matrix, ascending, shape (min(rows, columns),).

    ``log_sigma`` is ln σ₁ and ``log_norm`` ln of the Frobenius norm √Σσ², both in nats.
    """

    squares: Doubles
    log_sigma: float
    log_norm: float


def add_gram(total: Doubles, block: Block) -> None:
    """Add a block of rows B as BᵀB, or of columns as BBᵀ, to ``total`` of shape (side, side)."""
    numbers = block.numbers
    total += numbers.T @ numbers if block.by_rows else numbers @ numbers.T


def spectrum(gram: Doubles) -> Spectrum | None:
    """The spectrum of the matrix whose Gram matrix this is; ``None`` when all of it is zero.

    The caller has made sure that all is finite.
    """
    norm = float(np.trace(gram))
    squares = np.maximum(np.linalg.eigvalsh(gram), 0.0) if gram.size else np.zeros(0)
    if norm <= 0.0 or squares[-1] <= 0.0:
        return None
    return Spectrum(squares, 0.5 * log(float(squares[-1])), 0.5 * log(norm))
