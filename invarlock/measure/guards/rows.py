"""Rows and columns of a matrix against those of the baseline, each at its own place.

A spectrum does not change when rows, columns or heads change places, or when one row of many is
written over. So row r of the subject, s, is compared with row r of the baseline, b: it has *turned*
where cos(b, s) < ``cosine`` and max|s − b| ≥ ``change`` · max(max|b|, ``floor`` · rms(B)), rms over
all numbers of the baseline's matrix. Rounding fails the second: it changes no element of a row by
half of the row's largest; so does pruning, since it takes the small ones. Noise spread over a row
fails the first. A row that vanishes or appears has a cosine of 0 and turns, if it was not small in
both. A column has turned where the cosine is below ``column_cosine``; columns below ``negligible``
of the root mean square norm are left out, for rounding by rows takes those away.

An edit that exchanges rows here and columns there, so that the function stays, turns them too: the
place under the baseline's name is what is compared. Constants are in the measurement contract
(:class:`~invarlock.evidence.schema.RowsContract`); they are this project's own, set on SmolLM2-135M
so that casts, int8, int4 and int3 rounding by rows or groups, pruning of half the weights, and 5%
noise turn nothing.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NANO
from invarlock.evidence.schema import CHANGE_LIMIT, NORM_LIMIT, Drift, RowsContract
from invarlock.measure.guards.blocks import Block
from invarlock.measure.weights.stored import Doubles

_Flags = NDArray[np.bool_]
_BEFORE: Final = 0
_AFTER: Final = 1
_BOTH: Final = 2


class Drifting:
    """Gathers, block by block, what a :class:`Drift` is made of: norms and products of rows and
    columns, and of each row the largest number and the largest change."""

    def __init__(self, rows: int, columns: int) -> None:
        self._rows = np.zeros((3, rows))
        self._columns = np.zeros((3, columns))
        self._largest = np.zeros(rows)
        self._change = np.zeros(rows)

    def add(self, block: Block) -> None:
        """One block of the subject with the baseline's beside it; nothing without that."""
        after, before = block.numbers, block.other
        if before is None:
            return
        place = slice(block.first, block.first + after.shape[0 if block.by_rows else 1])
        rows = place if block.by_rows else slice(None)
        columns = slice(None) if block.by_rows else place
        same = np.array_equal(before, after)
        for kind, (one, two) in enumerate(((before, before), (after, after), (before, after))):
            if kind == _BEFORE or not same:
                by_rows = np.einsum("ij,ij->i", one, two)
                by_columns = np.einsum("ij,ij->j", one, two)
            self._rows[kind, rows] += by_rows
            self._columns[kind, columns] += by_columns
        _raise(self._largest, rows, before)
        if not same:
            _raise(self._change, rows, after - before)

    def drift(self, contract: RowsContract) -> Drift:
        """What came of it."""
        cosines = _cosines(self._rows)
        numbers = self._rows.shape[1] * self._columns.shape[1]
        typical = sqrt(float(self._rows[_BEFORE].sum()) / numbers)
        bar = np.maximum(self._largest, float(contract.floor) * typical)
        changed = (self._change > 0) & (self._change >= float(contract.change) * bar)
        heard = _heard(self._rows, contract), _heard(self._columns, contract)
        column_cosines = _cosines(self._columns)
        apart = heard[1] & (column_cosines < float(contract.column_cosine))
        low, high = _ratios(self._rows, heard[0])
        column_low, column_high = _ratios(self._columns, heard[1])
        return Drift(
            turned_rows=int(np.count_nonzero(changed & (cosines < float(contract.cosine)))),
            turned_columns=int(np.count_nonzero(apart)),
            cosine=round(float(cosines[heard[0]].min(initial=1.0)) * NANO),
            row_low=low,
            row_high=high,
            column_low=column_low,
            column_high=column_high,
        )


def largest_change(before: Doubles, after: Doubles) -> int:
    """max |after − before| / max(|before|, rms(before)) in 1e-9, at most ``CHANGE_LIMIT``.

    Of vectors, all finite, shape (n,).
    """
    if not before.size:
        return 0
    top = max(float(np.max(np.abs(before))), float(np.max(np.abs(after))))
    if top == 0.0:
        return 0
    before, after = before / top, after / top
    typical = sqrt(float(np.mean(before * before)))
    size = np.maximum(np.abs(before), typical)
    change = np.abs(after - before)
    limit = CHANGE_LIMIT // NANO
    ratio = np.where(change > limit * size, limit, change / np.where(size > 0, size, 1.0))
    return round(float(ratio.max()) * NANO)


def _raise(tops: Doubles, rows: slice, numbers: Doubles) -> None:
    """Raise ``tops`` to the largest size in each row of ``numbers``."""
    size = np.maximum(numbers.max(axis=1), -numbers.min(axis=1))
    tops[rows] = np.maximum(tops[rows], size)


def _cosines(products: Doubles) -> Doubles:
    """Cosines from (before², after², before·after), shape (3, n): 1 where both are zero, 0 where
    one is."""
    scale = np.sqrt(products[_BEFORE]) * np.sqrt(products[_AFTER])
    both = (products[_BEFORE] == 0) & (products[_AFTER] == 0)
    found: Any = np.where(scale > 0, products[_BOTH] / np.where(scale > 0, scale, 1.0), both)
    clipped: Doubles = np.clip(found, -1.0, 1.0)
    return clipped


def _heard(products: Doubles, contract: RowsContract) -> _Flags:
    """Which rows or columns are not negligible in the baseline."""
    least = float(contract.negligible) ** 2 * float(products[_BEFORE].mean())
    heard: _Flags = (products[_BEFORE] > 0) & (products[_BEFORE] >= least)
    return heard


def _ratios(products: Doubles, heard: _Flags) -> tuple[int, int]:
    """Least and largest ln of the norm, subject over baseline, in 1e-9 nats; 0 of none."""
    squares = products[_AFTER][heard] / products[_BEFORE][heard]
    if not squares.size:
        return 0, 0
    return _half_log(float(squares.min())), _half_log(float(squares.max()))


def _half_log(square: float) -> int:
    if square <= 0.0:
        return -NORM_LIMIT
    return min(NORM_LIMIT, max(-NORM_LIMIT, round(0.5 * log(square) * NANO)))
