"""Singular values outside the Marchenko–Pastur bulk: directions that no noise explains.

The squares of the singular values of an n × m matrix of independent entries with variance v, n ≥ m,
lie below v·(√n + √m)² (Marchenko and Pastur 1967). The largest of them fluctuates beyond that edge
by the Tracy–Widom law: with μ = (√(n−1) + √m)² and τ = (√(n−1) + √m)·(1/√(n−1) + 1/√m)^⅓,
(λ₁/v − μ)/τ tends to it (Johnstone, On the distribution of the largest eigenvalue in principal
components analysis, Annals of Statistics 29, 2001). v follows from the median singular value, which
a few outliers do not move: v = median(λ)/(n·μ_β), μ_β the median of the law for β = m/n (Gavish and
Donoho, The optimal hard threshold for singular values is 4/√3, 2014, section III).
"""

from __future__ import annotations

from math import acos, asin, pi, sqrt
from typing import Final

import numpy as np

from invarlock.evidence.schema import OutliersContract
from invarlock.measure.weights.stored import Doubles

_ZERO: Final = 1e-12
"""Of the largest square: below this the float64 Gram matrix holds rounding alone."""
_STEPS: Final = 60


def count_outliers(squares: Doubles, rows: int, columns: int, contract: OutliersContract) -> int:
    """How many of the squared singular values (ascending) lie beyond edge and margin.

    Where the median is zero there is no bulk, and all that is not zero lies outside it.
    """
    n, m = max(rows, columns), min(rows, columns)
    floor = _ZERO * float(squares[-1])
    median = float(np.median(squares))
    if median <= floor:
        return int(np.count_nonzero(squares > floor))
    variance = median / (n * bulk_median(m / n))
    side = sqrt(max(n - 1, 1)) + sqrt(m)
    scale = side * (1 / sqrt(max(n - 1, 1)) + 1 / sqrt(m)) ** (1 / 3)
    edge = variance * (side * side + float(contract.margin) * scale)
    return int(np.count_nonzero(squares > edge))


def bulk_median(beta: float) -> float:
    """The median of the Marchenko–Pastur law of ratio 0 < ``beta`` ≤ 1 and variance 1."""
    low, high = (1 - sqrt(beta)) ** 2, (1 + sqrt(beta)) ** 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, beta) < 0.5 else (low, middle)
    return (low + high) / 2


def _below(x: float, beta: float) -> float:
    """The share of the law below ``x``: ∫ √((b − t)(t − a))/(2πβt) dt from a to ``x`` in [a, b].

    In closed form (Gradshteyn and Ryzhik 2.267), with R = √((b − x)(x − a)).
    """
    a, b = (1 - sqrt(beta)) ** 2, (1 + sqrt(beta)) ** 2
    root = sqrt(max(0.0, (b - x) * (x - a)))
    first = (a + b) / 2 * (asin(_clip((2 * x - a - b) / (b - a))) + pi / 2)
    second = 0.0
    if a > 0:
        turn = _clip(((a + b) * x - 2 * a * b) / (x * (b - a)))
        second = sqrt(a * b) * (pi - acos(turn))
    return (root + first - second) / (2 * pi * beta)


def _clip(value: float) -> float:
    return min(1.0, max(-1.0, value))
