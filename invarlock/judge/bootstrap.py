"""BCa intervals of token-weighted means, resampled by document.

Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 14.3. Windows of one
document are correlated, so documents are the units. A resample's sums are exact integers and its
mean is one IEEE division; what went through ``erfc`` or ``log`` is rounded to twelve digits before
it is used, so that two platforms print the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.evidence.schema import EstimateContract
from invarlock.judge.exact import percentile

Sums = NDArray[np.int64] | NDArray[np.object_]

_CHUNK: Final = 1 << 20
_DIGITS: Final = 12
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Limits:
    """Both ends of an interval, in the unit of the sums; ``reason`` where there is none.

    ``exact`` is true where nothing varies and the interval is the point.
    """

    low: Fraction | None
    high: Fraction | None
    exact: bool = False
    reason: str = ""


def intervals(
    sums: Sequence[Sequence[int]], weights: Sequence[int], contract: EstimateContract
) -> list[Limits]:
    """The BCa interval of ``sum(s) / sum(weights)`` for each ``s`` in ``sums``.

    Args:
        sums: per measure, one exact sum per document.
        weights: scored tokens per document, all positive; at least two documents.
        contract: confidence, seed and number of resamples.

    All measures see the same resamples.
    """
    means = _resample([*sums, weights], contract)
    return [
        _limits(column, weights, means[:, index], contract) for index, column in enumerate(sums)
    ]


def _resample(columns: Sequence[Sequence[int]], contract: EstimateContract) -> NDArray[np.float64]:
    """Means of every resample, shape (resamples, columns - 1); the last column weighs.

    Documents are drawn by the raw stream of PCG64, which numpy keeps stable where it does not
    keep the methods of ``Generator`` (NEP 19): unit = raw mod n, whose bias is below n / 2**64.
    """
    units = len(columns[0])
    table = _table(columns)
    stream = np.random.PCG64(contract.seed)
    step = max(1, _CHUNK // units)
    parts = []
    for start in range(0, contract.resamples, step):
        count = min(step, contract.resamples - start)
        raw = stream.random_raw(count * units)
        drawn = (raw % np.uint64(units)).astype(np.intp).reshape(count, units)
        totals = np.stack([column[drawn].sum(axis=1) for column in table], axis=1)
        parts.append(totals[:, :-1].astype(np.float64) / totals[:, -1:].astype(np.float64))
    return np.concatenate(parts)


def _table(columns: Sequence[Sequence[int]]) -> Sums:
    """Columns as int64 where no resampled sum can overflow, else as Python integers (slow)."""
    largest = max(abs(number) for column in columns for number in column)
    fits = largest * len(columns[0]) < 2**63
    return np.array(columns, dtype=np.int64) if fits else np.array(columns, dtype=object)


def _limits(
    sums: Sequence[int],
    weights: Sequence[int],
    means: NDArray[np.float64],
    contract: EstimateContract,
) -> Limits:
    total, weight = sum(sums), sum(weights)
    if all(s * weight == total * w for s, w in zip(sums, weights, strict=True)):
        point = Fraction(total, weight)
        return Limits(point, point, exact=True)
    centre = float(total) / float(weight)
    below = np.count_nonzero(means < centre) + np.count_nonzero(means <= centre)
    share = below / (2 * len(means))
    skew = _acceleration(sums, weights)
    if not 0 < share < 1 or skew is None:
        return Limits(None, None, reason="the bootstrap lies all on one side of the estimate")
    tail = float((1 - Decimal(contract.confidence)) / 2)
    if not 0 < tail < 1 - tail < 1:
        return Limits(None, None, reason="the confidence leaves no tail that a float can hold")
    bias = round(_NORMAL.inv_cdf(share), _DIGITS)
    ordered = np.sort(means)
    ends = [_adjusted(bias, skew, level) for level in (tail, 1 - tail)]
    if ends[0] is None or ends[1] is None:
        return Limits(None, None, reason="the skewness of the data leaves no bca interval")
    low, high = (_quantile(ordered, end) for end in ends if end is not None)
    return Limits(low, high)


def _acceleration(sums: Sequence[int], weights: Sequence[int]) -> float | None:
    """The acceleration from the jackknife in closed form; ``None`` where that does not vary."""
    total, weight = sum(sums), sum(weights)
    left_out = [float(total - s) / float(weight - w) for s, w in zip(sums, weights, strict=True)]
    mean = math.fsum(left_out) / len(left_out)
    gaps = [mean - value for value in left_out]
    square = math.fsum(gap * gap for gap in gaps)
    if square == 0:
        return None
    cube = math.fsum(gap * gap * gap for gap in gaps)
    return round(cube / (6 * square * math.sqrt(square)), _DIGITS)


def _adjusted(bias: float, skew: float, level: float) -> float | None:
    """The percentile that stands in for ``level``; ``None`` past the pole of the correction."""
    shifted = bias + round(_NORMAL.inv_cdf(level), _DIGITS)
    scale = 1 - skew * shifted
    if scale <= 0:
        return None
    return round(_NORMAL.cdf(bias + shifted / scale), _DIGITS)


def _quantile(ordered: NDArray[np.float64], level: float) -> Fraction:
    """Linear interpolation between two of the sorted means."""
    return percentile(ordered.tolist(), Fraction(level))
