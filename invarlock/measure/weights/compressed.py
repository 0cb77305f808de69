"""Weights packed by compressed-tensors.

W = (q − z)·s. ``dense``: q and z are offset by half their range, and packed as dense little-endian
bits, q along a row and z along a column. ``plain``: one number each. s is for the tensor, a row, a
group of columns or a block; ``weight_g_idx`` says which group each column belongs to. Source:
``compressed_tensors.compressors`` of the vLLM project.

Some readers use a zero point of symmetric weights and an index of weights in order, and others do
not; the library writes neither, and where one is stored the weight is refused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from invarlock.artifacts.packed import Packing
from invarlock.measure.weights.parts import (
    WHOLE,
    WORD,
    Floats,
    Parts,
    groups_of,
    in_order,
    integers_of,
    misfit,
    numbers_of,
    rows_of,
    scales_of,
    table_of,
    unpack,
)


def compressed_shape(module: str, parts: Parts, packing: Packing) -> tuple[int, int]:
    """Rows and columns of the weight. Raises :class:`SafetyRefusal` E207."""
    if packing.layout == "plain":
        shape = parts["weight"].shape
        wanted = ("F8_E4M3",) if packing.floating else ("I8",)
        if len(shape) != 2 or parts["weight"].dtype not in wanted:
            raise misfit(module, "weight")
        return shape[0], shape[1]
    if parts["weight_shape"].dtype not in WHOLE:
        raise misfit(module, "weight_shape")
    told = numbers_of(parts["weight_shape"]).reshape(-1)
    packed = parts["weight_packed"]
    if told.size != 2 or len(packed.shape) != 2 or packed.dtype != "I32":
        raise misfit(module, "weight_packed")
    rows, columns = int(told[0]), int(told[1])
    if packed.shape != (rows, -(-columns * packing.bits // WORD)) or min(rows, columns) < 1:
        raise misfit(module, "weight_shape")
    return rows, columns


def check_parts(module: str, parts: Parts, packing: Packing) -> None:
    """Zero points and an index are stored where the settings tell of them, and nowhere else.

    Raises :class:`SafetyRefusal` E207.
    """
    for part, told in (
        ("weight_zero_point", not packing.symmetric),
        ("weight_g_idx", packing.reordered),
    ):
        if (part in parts) is not told:
            raise misfit(module, part)


def compressed_tensors(
    module: str, parts: Parts, packing: Packing, shape: tuple[int, int]
) -> Floats:
    """The weight, of ``shape``. Raises :class:`SafetyRefusal` E207."""
    rows, columns = shape
    scale = scales_of(module, parts, "weight_scale")
    if packing.layout == "dense":
        words = integers_of(module, parts, "weight_packed")
        levels = unpack(words, packing.bits, columns) - (1 << (packing.bits - 1))
        numbers = levels.astype(np.float32)
    else:
        numbers = rows_of(parts["weight"], shape)
    place = _place(module, parts, packing, scale, shape)
    if not packing.symmetric:
        numbers -= place(_zero_points(module, parts, packing, scale.shape, rows))
    numbers *= place(scale)
    return numbers


def _zero_points(
    module: str, parts: Parts, packing: Packing, shape: tuple[int, ...], rows: int
) -> Floats:
    """Zero points in the shape of the scales; symmetric weights have none."""
    stored = parts["weight_zero_point"]
    if packing.layout == "plain" or packing.strategy not in ("group", "channel"):
        found = table_of(module, stored)
        if found.shape != shape:
            raise misfit(module, "weight_zero_point")
        return found
    words = integers_of(module, parts, "weight_zero_point")
    if words.shape != (-(-rows * packing.bits // WORD), shape[1]):
        raise misfit(module, "weight_zero_point")
    levels = unpack(words.T, packing.bits, rows).T - (1 << (packing.bits - 1))
    return levels.astype(np.float32)


def _place(
    module: str, parts: Parts, packing: Packing, scale: Floats, shape: tuple[int, int]
) -> Callable[[Floats], Floats]:
    """How a table of scales or zero points spreads over a matrix of ``shape``."""
    rows, columns = shape
    tables: dict[str, tuple[int, int]] = {
        "tensor": (1, 1),
        "channel": (rows, 1),
        "group": (rows, -(-columns // max(1, packing.group))),
        "block": (-(-rows // packing.block[0]), -(-columns // packing.block[1])),
    }
    if scale.shape != tables[packing.strategy]:
        raise misfit(module, "weight_scale")
    if packing.strategy in ("tensor", "channel"):
        return lambda table: table
    if packing.strategy == "block":
        down = np.arange(rows) // packing.block[0]
        across = np.arange(columns) // packing.block[1]
        return lambda table: table[down][:, across]
    groups = in_order(packing.group, columns)
    if packing.reordered:  # an index never filled in stands for the order, to the library
        index = parts["weight_g_idx"]
        groups = groups_of(module, index, columns, scale.shape[1], unfilled=groups)
    return lambda table: table[:, groups]
