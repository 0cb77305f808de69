"""BCa intervals of token-weighted means, resampled by document, with room for the worst unseen.

Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 14.3. Windows of one
document are correlated, so documents are the units. A resample's sums are exact integers and its
mean is one IEEE division; what went through ``erfc`` or ``log`` is rounded to twelve digits before
it is used, so that two platforms print the same digits.

By itself BCa is too narrow for few documents and for skewed ones: with the truth on the bound it
passes too often (`benchmarks/COVERAGE.md`). Two things stand against that.

*One more document.* Each limit is made as though one more document had been drawn, of average size
and as extreme as the most extreme one seen on that side. What damage a sample has not met, it can
only have met as one more. The bound of Gaffke (2005; Learned-Miller and Thomas, *A new confidence
interval for the mean of a bounded random variable*, 2020) adds such a document at the end of a
known range; here the range is not known, and the worst document seen stands for its end.

*Expanded tails.* Student's quantile over ``n - 1`` degrees times ``sqrt(n / (n - 1))`` stands in
for the normal one (Hesterberg, *What teachers should know about the bootstrap*, 2015, section 4.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from invarlock.evidence.schema import EstimateContract
from invarlock.judge.exact import percentile

Sums = NDArray[np.int64] | NDArray[np.object_]
Side = Literal["low", "high"]

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


@dataclass(frozen=True, slots=True)
class _Column:
    """One measure's exact sum per document."""

    sums: Sequence[int]
    weights: Sequence[int]

    @property
    def varies(self) -> bool:
        """Whether one document's mean is not another's."""
        total, weight = sum(self.sums), sum(self.weights)
        pairs = zip(self.sums, self.weights, strict=True)
        return any(s * weight != total * w for s, w in pairs)

    def one_more(self, side: Side) -> tuple[int, int]:
        """Sum and weight of a document of average size, whose mean is the most extreme seen; where
        documents without weight have no mean, of that which moves the ratio most."""
        if not all(self.weights):
            total, weight = sum(self.sums), sum(self.weights)
            pulls = [s * weight - w * total for s, w in zip(self.sums, self.weights, strict=True)]
            worst = pulls.index(max(pulls) if side == "high" else min(pulls))
            return self.sums[worst], self.weights[worst]
        means = [float(s) / float(w) for s, w in zip(self.sums, self.weights, strict=True)]
        worst = means.index(max(means) if side == "high" else min(means))
        weight = max(1, round(Fraction(sum(self.weights), len(self.weights))))
        return round(Fraction(self.sums[worst], self.weights[worst]) * weight), weight

    def including(self, document: tuple[int, int]) -> _Column:
        """These documents and one more of this sum and weight."""
        return _Column((*self.sums, document[0]), (*self.weights, document[1]))

    @property
    def mean(self) -> float:
        """The weighted mean, by one division."""
        return float(sum(self.sums)) / float(sum(self.weights))


@dataclass(frozen=True, slots=True)
class _Draws:
    """Resamples of ``n + 1`` units of which the last is left blank, to be whichever document.

    ``totals``: sums of each column over the documents drawn, shape (columns, resamples), the last
    column being the weights; ``more``: how often the blank was drawn, shape (resamples,).
    """

    totals: Sums
    more: NDArray[np.int64]

    def means(self, column: int, document: tuple[int, int]) -> NDArray[np.float64]:
        """The mean of each resample where the blank is a document of this sum and weight; a NaN
        alone where one of them has no weight to divide by."""
        more = self.more.astype(self.totals.dtype)
        sums = self.totals[column] + more * document[0]
        weights = self.totals[-1] + more * document[1]
        if not weights.all():
            return np.full(1, np.nan)
        return np.asarray(sums.astype(np.float64) / weights.astype(np.float64))


def intervals(
    sums: Sequence[Sequence[int]],
    weights: Sequence[int],
    contract: EstimateContract,
    deviations: float | None = None,
) -> list[Limits]:
    """The interval of ``sum(s) / sum(weights)`` for each ``s`` in ``sums``.

    Args:
        sums: per measure, one exact sum per document.
        weights: scored tokens per document, or what else its sums are divided by, none below zero
            and not all of them zero; at least two documents.
        contract: confidence, seed and number of resamples.
        deviations: how far out both limits lie, as a quantile of the normal distribution, where
            the bar plans looks (:mod:`invarlock.judge.spending`); else the confidence says.

    All measures see the same resamples.
    """
    tail = tail_of(contract)
    if not 0 < tail < 1 - tail < 1:
        reason = "the confidence leaves no tail that a float can hold"
        return [_point(_Column(s, weights)) or Limits(None, None, reason=reason) for s in sums]
    normal = _normal_quantile(1 - tail) if deviations is None else deviations
    level = _expanded(normal, len(weights))
    draws = _resample([*sums, weights], contract)
    return [_limits(_Column(s, weights), draws, index, level) for index, s in enumerate(sums)]


def tail_of(contract: EstimateContract) -> float:
    """How often each end of an interval may err: half of what the confidence leaves."""
    return float((1 - Decimal(contract.confidence)) / 2)


def _resample(columns: Sequence[Sequence[int]], contract: EstimateContract) -> _Draws:
    """Draw documents and the blank by the raw stream of PCG64, which numpy keeps stable where it
    does not keep the methods of ``Generator`` (NEP 19): unit = raw mod n, biased below n / 2**64.
    """
    units = len(columns[0]) + 1
    table = _table([[*column, 0] for column in columns], columns[-1])
    stream = np.random.PCG64(contract.seed)
    step = max(1, _CHUNK // units)
    totals, more = [], []
    for start in range(0, contract.resamples, step):
        count = min(step, contract.resamples - start)
        raw = stream.random_raw(count * units)
        drawn = (raw % np.uint64(units)).astype(np.intp).reshape(count, units)
        totals.append(np.stack([column[drawn].sum(axis=1) for column in table]))
        more.append(np.count_nonzero(drawn == units - 1, axis=1))
    return _Draws(np.concatenate(totals, axis=1), np.concatenate(more))


def _table(columns: Sequence[Sequence[int]], weights: Sequence[int]) -> Sums:
    """Columns as int64 where no resampled sum can overflow, else as Python integers (slow).

    One more document holds at most as much in a token as any, in as many as the largest has.
    """
    largest = max(abs(number) for column in columns for number in column)
    least = min(weights)
    most = largest * (-(-max(weights) // least) if least else 1) + 1
    fits = most * len(columns[0]) < 2**63
    return np.array(columns, dtype=np.int64) if fits else np.array(columns, dtype=object)


def _point(column: _Column) -> Limits | None:
    """The point as an interval, where no document differs from another."""
    if column.varies:
        return None
    point = Fraction(sum(column.sums), sum(column.weights))
    return Limits(point, point, exact=True)


def _limits(column: _Column, draws: _Draws, index: int, level: float) -> Limits:
    """Both limits of the column at ``index`` of ``draws``, ``level`` deviations out."""
    point = _point(column)
    if point is not None:
        return point
    ends: dict[Side, Fraction] = {}
    for side in ("low", "high"):
        document = column.one_more(side)
        means = draws.means(index, document)
        end = _end(column.including(document), means, -level if side == "low" else level)
        if isinstance(end, str):
            return Limits(None, None, reason=end)
        ends[side] = end
    return Limits(ends["low"], ends["high"])


def _end(column: _Column, means: NDArray[np.float64], level: float) -> Fraction | str:
    """The BCa limit ``level`` deviations from the mean of ``column``, or why there is none."""
    if np.isnan(means).any():
        return "a resample of the documents has nothing to divide by"
    centre = column.mean
    below = np.count_nonzero(means < centre) + np.count_nonzero(means <= centre)
    share = below / (2 * len(means))
    skew = _acceleration(column)
    if not 0 < share < 1 or skew is None or len(means) < 2:
        return "the bootstrap lies all on one side of the estimate"
    bias = _normal_quantile(share)
    scale = 1 - skew * (bias + level)
    if scale <= 0:
        return "the skewness of the data leaves no bca interval"
    return _quantile(np.sort(means), bias + (bias + level) / scale, centre)


def _acceleration(column: _Column) -> float | None:
    """The acceleration from the jackknife in closed form; ``None`` where that does not vary."""
    total, weight = sum(column.sums), sum(column.weights)
    if weight in column.weights:
        return None
    left_out = [
        float(total - s) / float(weight - w)
        for s, w in zip(column.sums, column.weights, strict=True)
    ]
    mean = math.fsum(left_out) / len(left_out)
    gaps = [mean - value for value in left_out]
    square = math.fsum(gap * gap for gap in gaps)
    if square == 0:
        return None
    cube = math.fsum(gap * gap * gap for gap in gaps)
    return round(cube / (6 * square * math.sqrt(square)), _DIGITS)


def _normal_quantile(share: float) -> float:
    return round(_NORMAL.inv_cdf(share), _DIGITS)


def _expanded(z: float, documents: int) -> float:
    """Student's quantile for the normal ``z``, over all documents and the one more, expanded.

    The expansion of Abramowitz and Stegun, 26.7.5: within 1e-4 at eight documents and z = 1.96.
    """
    freedom = documents
    square = z * z
    terms = (
        (square + 1) / 4,
        ((5 * square + 16) * square + 3) / 96,
        (((3 * square + 19) * square + 17) * square - 15) / 384,
        ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) / 92160,
    )
    series = math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))
    return round(z * (1 + series) * math.sqrt((freedom + 1) / freedom), _DIGITS)


def _quantile(ordered: NDArray[np.float64], z: float, centre: float) -> Fraction:
    """The sorted means at the normal quantile ``z``, by linear interpolation.

    Past the outermost resample the tail goes on as it came: in proportion to ``z``.
    """
    outermost = _normal_quantile(1 - 1 / (len(ordered) + 1))
    inner = max(-outermost, min(outermost, z))
    found = percentile(ordered.tolist(), Fraction(round(_NORMAL.cdf(inner), _DIGITS)))
    if inner == z:
        return found
    return Fraction(centre) + (found - Fraction(centre)) * Fraction(round(z / inner, _DIGITS))
