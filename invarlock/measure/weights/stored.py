"""A tensor as it is stored: decoded to float64 in blocks, so that memory stays far below the model.

Every dtype is decoded exactly: bfloat16 is the upper half of a float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from invarlock.artifacts.safetensors_header import DTYPE_BYTES, TensorEntry

PANEL: Final = 1 << 23
"""Stored bytes of columns that are read and held at a time."""

Doubles = NDArray[np.float64]
ReadTensor = Callable[[TensorEntry], bytearray]

_PLAIN: Final = {
    "BOOL": "u1",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}


def _e4m3() -> Doubles:
    """Sign, four bits of exponent with bias 7, three of mantissa; no infinity, NaN is all ones."""
    code = np.arange(256)
    exponent, mantissa = (code >> 3) & 15, code & 7
    size = np.where(exponent == 0, mantissa / 512.0, (8 + mantissa) * 2.0 ** (exponent - 10.0))
    size[(code & 127) == 127] = np.nan
    found: Doubles = np.where(code & 128, -size, size).astype(np.float64)
    return found


def _e5m2() -> Doubles:
    """The upper byte of a float16."""
    return (np.arange(256, dtype="<u2") << np.uint16(8)).view("<f2").astype(np.float64)


def _e8m0() -> Doubles:
    """A power of two, 2**(code - 127); the last is NaN."""
    size: Doubles = np.ldexp(1.0, np.arange(256) - 127)
    size[255] = np.nan
    return size


_EIGHT: Final = {"F8_E4M3": _e4m3(), "F8_E5M2": _e5m2(), "F8_E8M0": _e8m0()}


def decode(raw: bytes | bytearray | memoryview, dtype: str) -> Doubles:
    """Little-endian numbers of a safetensors ``dtype`` as float64, shape (n,).

    ``dtype`` is one of :data:`~invarlock.artifacts.safetensors_header.DTYPE_BYTES`. Eight-bit
    floats are those of the OCP 8-bit floating point specification and, ``F8_E8M0``, of the
    microscaling formats.
    """
    with np.errstate(invalid="ignore"):  # a signalling NaN is counted, not warned about
        if dtype == "BF16":
            half = np.frombuffer(raw, dtype="<u2").astype("<u4")
            return (half << np.uint32(16)).view("<f4").astype(np.float64)
        if dtype in _EIGHT:
            eight: Doubles = _EIGHT[dtype][np.frombuffer(raw, dtype="u1")]
            return eight
        return np.frombuffer(raw, dtype=_PLAIN[dtype]).astype(np.float64)


def as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of a tensor read as a matrix: all leading dimensions are rows."""
    return (prod(shape[:-1]), shape[-1]) if shape else (1, 1)


class View(Protocol):
    """One tensor while it is read, as a matrix. What it holds in memory goes with it."""

    def rows(self, first: int, count: int) -> Doubles:
        """Rows from ``first``, shape (count, columns)."""

    def columns(self, first: int, count: int) -> Doubles:
        """Columns from ``first``, shape (rows, count)."""


class Weight(Protocol):
    """One tensor of a model, as the model computes with it."""

    @property
    def name(self) -> str:
        """Its name in the model."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""

    @property
    def dtype(self) -> str:
        """What it is stored as."""

    def view(self) -> View:
        """The tensor, opened for one reading."""


@dataclass(frozen=True, slots=True)
class StoredWeight:
    """A tensor stored as plain numbers; ``read`` gives the bytes of a part of it."""

    entry: TensorEntry
    read: ReadTensor

    @property
    def name(self) -> str:
        """Its name in the model."""
        return self.entry.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.entry.shape

    @property
    def dtype(self) -> str:
        """The dtype of the safetensors header."""
        return self.entry.dtype

    def view(self) -> View:
        """Rows are read from the file as they are asked for, columns some :data:`PANEL` at once."""
        return _StoredView(self.entry, self.read)


@dataclass(slots=True)
class _StoredView:
    entry: TensorEntry
    read: ReadTensor
    _panel: NDArray[Any] | None = field(default=None)
    _begin: int = 0

    def rows(self, first: int, count: int) -> Doubles:
        """Rows from ``first``, read from the file for themselves."""
        columns = as_matrix(self.entry.shape)[1]
        width = columns * DTYPE_BYTES[self.entry.dtype]
        start = self.entry.start + first * width
        end = start + count * width
        part = replace(self.entry, shape=(count, columns), start=start, end=end)
        return decode(self.read(part), self.entry.dtype).reshape(count, columns)

    def columns(self, first: int, count: int) -> Doubles:
        """Columns from ``first``, out of the panel that holds them."""
        at = first - self._begin
        if self._panel is None or at < 0 or at + count > self._panel.shape[1]:
            self._panel, self._begin, at = None, first, 0  # the old one goes before the new one
            self._panel = self._read_panel(first, count)
        block = np.ascontiguousarray(self._panel[:, at : at + count])
        return decode(block.tobytes(), self.entry.dtype).reshape(block.shape)

    def _read_panel(self, first: int, least: int) -> NDArray[Any]:
        """Raw columns from ``first``, ``least`` of them or as many more as :data:`PANEL` allows."""
        rows, columns = as_matrix(self.entry.shape)
        size = DTYPE_BYTES[self.entry.dtype]
        count = min(columns - first, max(least, PANEL // max(1, rows * size)))
        if count == columns:
            return np.frombuffer(self.read(self.entry), f"V{size}").reshape(rows, columns)
        panel = np.empty((rows, count), f"V{size}")
        for row in range(rows):
            start = self.entry.start + (row * columns + first) * size
            part = replace(self.entry, shape=(count,), start=start, end=start + count * size)
            panel[row] = np.frombuffer(self.read(part), panel.dtype)
        return panel
