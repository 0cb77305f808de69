"""A stored tensor as blocks of float64, so that memory stays far below the whole model.

Every dtype but the eight-bit floats is decoded exactly: bfloat16 is the upper half of a float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.artifacts.safetensors_header import DTYPE_BYTES, TensorEntry
from invarlock.errors import SafetyRefusal

Doubles = NDArray[np.float64]
ReadTensor = Callable[[TensorEntry], bytearray]

BLOCK: Final = 1 << 19
"""Numbers decoded at a time: 4 MiB of float64."""

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


def decode(raw: bytes | bytearray | memoryview, dtype: str) -> Doubles:
    """Little-endian numbers of a safetensors ``dtype`` as float64, shape (n,).

    Raises :class:`SafetyRefusal` E210 for a dtype without a decoder.
    """
    with np.errstate(invalid="ignore"):  # a signalling NaN is counted, not warned about
        if dtype == "BF16":
            half = np.frombuffer(raw, dtype="<u2").astype("<u4")
            return (half << np.uint32(16)).view("<f4").astype(np.float64)
        if dtype in _PLAIN:
            return np.frombuffer(raw, dtype=_PLAIN[dtype]).astype(np.float64)
    raise SafetyRefusal(
        "E210", f"no decoder for tensors of dtype `{dtype}`", "store the weights as bfloat16"
    )


def as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of a tensor read as a matrix: all leading dimensions are rows."""
    return (prod(shape[:-1]), shape[-1]) if shape else (1, 1)


def row_blocks(read: ReadTensor, entry: TensorEntry) -> Iterator[Doubles]:
    """The tensor as matrix, some rows at a time, each block read from the file for itself."""
    rows, columns = as_matrix(entry.shape)
    step = max(1, BLOCK // max(1, columns))
    width = columns * DTYPE_BYTES[entry.dtype]
    for first in range(0, rows, step):
        count = min(step, rows - first)
        start = entry.start + first * width
        part = replace(entry, shape=(count, columns), start=start, end=start + count * width)
        yield decode(read(part), entry.dtype).reshape(count, columns)


def column_blocks(read: ReadTensor, entry: TensorEntry) -> Iterator[Doubles]:
    """The tensor as matrix, some columns at a time; its raw bytes are held meanwhile."""
    rows, columns = as_matrix(entry.shape)
    size = DTYPE_BYTES[entry.dtype]
    raw = np.frombuffer(read(entry), dtype=f"V{size}").reshape(rows, columns)
    step = max(1, BLOCK // max(1, rows))
    for first in range(0, columns, step):
        block = np.ascontiguousarray(raw[:, first : first + step])
        yield decode(block.tobytes(), entry.dtype).reshape(rows, -1)
