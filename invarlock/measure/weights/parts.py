"""The stored tensors that make up one packed weight, read as what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.errors import SafetyRefusal
from invarlock.measure.weights.stored import Doubles, StoredWeight, as_matrix

Floats = NDArray[np.float32]
Words = NDArray[Any]
Parts = Mapping[str, StoredWeight]
"""By the last word of their name."""

WORD: Final = 32
"""Bits of a word that weights are packed into."""
WHOLE: Final = ("I32", "I64")
_FLOATS: Final = ("F16", "BF16", "F32")
_BLOCK: Final = 1 << 18


def unpack(words: Words, bits: int, count: int) -> NDArray[np.int16]:
    """``count`` unsigned numbers of ``bits`` bits from each row of int32 ``words``.

    Number i starts at bit i·bits of its row, least significant first, across words.
    """
    raw = np.ascontiguousarray(words).astype("<i4").view(np.uint8)
    if bits == 8:
        return raw[:, :count].astype(np.int16)
    if bits == 4:
        nibbles = np.stack((raw & 15, raw >> 4), axis=2).reshape(len(raw), -1)
        return nibbles[:, :count].astype(np.int16)
    spread = np.unpackbits(raw, axis=1, bitorder="little")[:, : count * bits]
    weights = (1 << np.arange(bits)).astype(np.int16)
    found: NDArray[np.int16] = spread.reshape(len(raw), count, bits).astype(np.int16) @ weights
    return found


def groups_of(
    module: str,
    stored: StoredWeight,
    columns: int,
    groups: int,
    *,
    unfilled: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Which group each column belongs to; ``unfilled``, if given, where it says -1 throughout."""
    if stored.dtype not in WHOLE:
        raise misfit(module, "g_idx")
    found = numbers_of(stored).reshape(-1).astype(np.int64)
    if found.size != columns:
        raise misfit(module, "g_idx")
    if unfilled is not None and bool((found == -1).all()):
        return unfilled
    if bool((found < 0).any() | (found >= groups).any()):
        raise misfit(module, "g_idx")
    return found


def in_order(size: int, columns: int) -> NDArray[np.int64]:
    """The group of each column, where ``size`` columns after one another make one."""
    return np.arange(columns, dtype=np.int64) // size


def scales_of(module: str, parts: Parts, part: str) -> Floats:
    """A table of scales. Libraries compute in their type, so that it must be one of floats."""
    if parts[part].dtype not in _FLOATS:
        raise misfit(module, part)
    return table_of(module, parts[part])


def table_of(module: str, weight: StoredWeight) -> Floats:
    """A table of scales or zero points, of two dimensions: one number is (1, 1)."""
    found = numbers_of(weight).astype(np.float32)
    if found.size == 1:
        return found.reshape(1, 1)
    if found.ndim == 1:
        return found.reshape(-1, 1)
    if not found.size:
        raise misfit(module, "weight_scale")
    return found


def numbers_of(weight: StoredWeight) -> Doubles:
    """A stored tensor, decoded whole, in its shape."""
    return weight.view().rows(0, as_matrix(weight.shape)[0]).reshape(weight.shape)


def integers_of(module: str, parts: Parts, part: str) -> NDArray[np.int32]:
    """A matrix of int32 words."""
    weight = parts[part]
    if weight.dtype != "I32" or len(weight.shape) != 2:
        raise misfit(module, part)
    return np.frombuffer(weight.read(weight.entry), "<i4").reshape(weight.shape)


def rows_of(weight: StoredWeight, shape: tuple[int, int]) -> Floats:
    """A matrix of one number each, decoded some rows at a time."""
    found = np.empty(shape, dtype=np.float32)
    view, step = weight.view(), max(1, _BLOCK // shape[1])
    for first in range(0, shape[0], step):
        found[first : first + step] = view.rows(first, min(step, shape[0] - first))
    return found


def misfit(module: str, part: str) -> SafetyRefusal:
    """E207 for a part that does not fit the others or the packing."""
    return SafetyRefusal(
        "E207",
        f"`{module[:120]}.{part}` does not fit `quantization_config`",
        "use the weights made for this config",
    )
