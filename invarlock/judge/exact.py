"""Exact arithmetic: sums of int64 columns, rationals to nine digits, exp, percentiles.

Nothing here depends on summation order, SIMD level, BLAS or the platform's libm. Sums are Python
integers; :class:`~decimal.Decimal` is correctly rounded on every platform (IEEE 754-2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NANO, NON_FINITE, quantise

Int64s = NDArray[np.int64]

_CONTEXT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_LIMIT: Final = Fraction(100)
"""Beyond ±100 nats the exponential is that of ±100: no bar reaches e**100, and none passes there
that would not pass beyond."""


def row_sums(matrix: Int64s) -> list[int]:
    """Exact sums along the rows of a matrix of shape (n, m), for any int64 and m < 2**31.

    The upper and lower 32 bits are summed apart, so that neither sum can overflow.
    """
    high = (matrix >> 32).sum(axis=1, dtype=np.int64).tolist()
    low = (matrix & 0xFFFFFFFF).sum(axis=1, dtype=np.int64).tolist()
    return [(h << 32) + w for h, w in zip(high, low, strict=True)]


def row_squares(matrix: Int64s) -> list[int]:
    """Exact sums of squares along the rows of a matrix of shape (n, m)."""
    return [sum(number * number for number in row) for row in matrix.tolist()]


def finite_rows(matrix: Int64s) -> list[bool]:
    """Whether each row is free of the flag for NaN and infinity."""
    flags: list[bool] = (matrix != NON_FINITE).all(axis=1).tolist()
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


def percentile(ordered: Sequence[float], share: Fraction) -> Fraction:
    """The percentile ``share`` in [0, 1] of ``ordered`` numbers, by linear interpolation.

    The definition is numpy's ``linear`` (Hyndman and Fan, type 7), in exact rationals.
    """
    rank = share * (len(ordered) - 1)
    below = rank.numerator // rank.denominator
    if below + 1 >= len(ordered):
        return Fraction(ordered[-1])
    left, right = Fraction(ordered[below]), Fraction(ordered[below + 1])
    return left + (rank - below) * (right - left)
