"""Exact arithmetic: sums of int64 columns, rationals to nine digits, exp, percentiles.

Nothing here depends on summation order, SIMD level, BLAS or the platform's libm. Sums are Python
integers; :class:`~decimal.Decimal` is correctly rounded on every platform (IEEE 754-2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NANO, NON_FINITE, quantise

Int64s = NDArray[np.int64]

_CONTEXT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ROOT: Final = 3_037_000_499
"""The largest whole number whose square fits into int64."""
_LIMIT: Final = Fraction(100)
"""Beyond ±100 nats the exponential is that of ±100: no bar reaches e**100, and none passes there
that would not pass beyond."""


def run_sums(column: Int64s, offsets: Int64s) -> list[int]:
    """Exact sums of the runs ``column[offsets[i]:offsets[i + 1]]``, for any int64.

    Each run holds at least one number and fewer than 2**31. The upper and lower 32 bits are summed
    apart, so that neither sum can overflow.
    """
    starts = offsets[:-1]
    if not len(starts):
        return []
    high = np.add.reduceat(column >> 32, starts).tolist()
    low = np.add.reduceat(column & 0xFFFFFFFF, starts).tolist()
    return [(h << 32) + w for h, w in zip(high, low, strict=True)]


def run_squares(column: Int64s, offsets: Int64s) -> list[int]:
    """Exact sums of squares of the same runs."""
    if np.all(column < _ROOT) and np.all(column > -_ROOT):
        return run_sums(column * column, offsets)
    numbers, ends = column.tolist(), offsets.tolist()
    return [sum(n * n for n in numbers[start:stop]) for start, stop in pairwise(ends)]


def finite_runs(column: Int64s, offsets: Int64s) -> list[bool]:
    """Whether each run is free of the flag for NaN and infinity."""
    starts = offsets[:-1]
    if not len(starts):
        return []
    flags: list[bool] = np.logical_and.reduceat(column != NON_FINITE, starts).tolist()
    return flags


def nano(value: Fraction) -> tuple[Decimal, bool]:
    """``value`` rounded half-even to a multiple of 1e-9, and whether that is exact."""
    scaled = value * NANO
    return Decimal(round(scaled)).scaleb(-9, _CONTEXT), scaled.denominator == 1


def decimal_of(value: Fraction) -> Decimal:
    """``value`` to sixty digits."""
    return _CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def exp(value: Fraction) -> tuple[Decimal, bool]:
    """e**value for ``value`` in nats, to a multiple of 1e-9, and whether that is exact."""
    clamped = max(-_LIMIT, min(_LIMIT, value))
    return quantise(decimal_of(clamped).exp(_CONTEXT)), value == 0


def root(value: Fraction) -> tuple[Decimal, bool]:
    """The square root of ``value`` to a multiple of 1e-9, and whether that is exact."""
    rounded = quantise(decimal_of(value).sqrt(_CONTEXT))
    return rounded, Fraction(rounded) ** 2 == value


def percentile(ordered: Sequence[float | Fraction], share: Fraction) -> Fraction:
    """The percentile ``share`` in [0, 1] of ``ordered`` numbers, by linear interpolation.

    The definition is numpy's ``linear`` (Hyndman and Fan, type 7), in exact rationals.
    """
    rank = share * (len(ordered) - 1)
    below = rank.numerator // rank.denominator
    if below + 1 >= len(ordered):
        return Fraction(ordered[-1])
    left, right = Fraction(ordered[below]), Fraction(ordered[below + 1])
    return left + (rank - below) * (right - left)
