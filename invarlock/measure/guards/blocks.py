"""Blocks of a matrix, with those of its counterpart beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from invarlock.measure.weights.stored import Doubles, View, as_matrix

BLOCK: Final = 1 << 18
"""Numbers decoded at a time: 2 MiB of float64."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows (``by_rows``) or some columns of a matrix, from ``first``.

    ``other`` holds the same place of the counterpart, where there is one.
    """

    first: int
    by_rows: bool
    numbers: Doubles
    other: Doubles | None

    def scaled(self, shift: int) -> Block:
        """The block times 2**-``shift``."""
        if not shift:
            return self
        other = None if self.other is None else np.ldexp(self.other, -shift)
        return replace(self, numbers=np.ldexp(self.numbers, -shift), other=other)


def blocks(shape: tuple[int, ...], view: View, other: View | None) -> Iterator[Block]:
    """The matrix in blocks of whole rows, or of whole columns where rows are the longer side, so
    that each block adds one product to the Gram matrix of the smaller side."""
    rows, columns = as_matrix(shape)
    by_rows = columns <= rows
    along, across = (rows, columns) if by_rows else (columns, rows)
    step = max(1, BLOCK // max(1, across))
    for first in range(0, along, step):
        count = min(step, along - first)
        numbers = _part(view, first, count, by_rows=by_rows)
        beside = None if other is None else _part(other, first, count, by_rows=by_rows)
        yield Block(first, by_rows, numbers, beside)


def _part(view: View, first: int, count: int, *, by_rows: bool) -> Doubles:
    return view.rows(first, count) if by_rows else view.columns(first, count)


def row_blocks(shape: tuple[int, ...], view: View) -> Iterator[Doubles]:
    """All numbers, some rows at a time."""
    rows, columns = as_matrix(shape)
    step = max(1, BLOCK // max(1, columns))
    for first in range(0, rows, step):
        yield view.rows(first, min(step, rows - first))
