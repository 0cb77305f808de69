"""Decoders of packed weights: the tensor under the baseline's name, as the model computes with it.

    compressed-tensors   W = (q − z)·s; q dense little-endian bits along a row, offset by half the
                         range; z packed so along a column; s for tensor, row, group or block;
                         ``weight_g_idx`` says which group each column belongs to
    GPTQ                 W[o, i] = (q[i, o] − z[g(i), o] − 1)·s[g(i), o]; q packed along inputs, z
                         along outputs and one too small in ``gptq`` (right in ``gptq_v2``)
    AWQ                  W[o, i] = (q[i, o] − z[g(i), o])·s[g(i), o]; both packed along outputs,
                         eight to a word in the order 0, 2, 4, 6, 1, 3, 5, 7

A weight is decoded whole, to float32, while it is read, and then let go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.artifacts.packed import Packing
from invarlock.errors import SafetyRefusal
from invarlock.measure.weights.stored import Doubles, StoredWeight, View, as_matrix

Floats = NDArray[np.float32]
_Array = NDArray[Any]
_Parts = Mapping[str, StoredWeight]

_WORD: Final = 32
_BLOCK: Final = 1 << 18
_WHOLE: Final = ("I32", "I64")
_AWQ_ORDER: Final = (0, 2, 4, 6, 1, 3, 5, 7)
PARTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "dense": (
        frozenset({"weight_packed", "weight_scale", "weight_shape"}),
        frozenset({"weight_zero_point", "weight_g_idx"}),
    ),
    "plain": (
        frozenset({"weight", "weight_scale"}),
        frozenset({"weight_zero_point", "weight_g_idx"}),
    ),
    "gptq": (frozenset({"qweight", "qzeros", "scales"}), frozenset({"g_idx"})),
    "gptq_v2": (frozenset({"qweight", "qzeros", "scales"}), frozenset({"g_idx"})),
    "awq": (frozenset({"qweight", "qzeros", "scales"}), frozenset()),
}
"""Of each layout, the tensors that make up one weight: those that must be there, and others."""


@dataclass(frozen=True, slots=True)
class PackedWeight:
    """A weight that several stored tensors make up."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    decode: Callable[[], Floats]

    def view(self) -> View:
        """The whole weight, decoded when it is first looked at."""
        return _Whole(self.decode)

    def whole(self) -> Floats:
        """The weight as float32, in its shape."""
        return self.decode().reshape(self.shape)


@dataclass(slots=True)
class _Whole:
    decode: Callable[[], Floats]
    _numbers: Floats | None = None

    def _matrix(self) -> Floats:
        if self._numbers is None:
            self._numbers = self.decode()
        return self._numbers

    def rows(self, first: int, count: int) -> Doubles:
        """Rows from ``first``."""
        return self._matrix()[first : first + count].astype(np.float64)

    def columns(self, first: int, count: int) -> Doubles:
        """Columns from ``first``."""
        return self._matrix()[:, first : first + count].astype(np.float64)


def packed_weight(module: str, parts: _Parts, packing: Packing) -> PackedWeight:
    """The weight of ``module``, whose stored tensors are ``parts``, by the last word of their name.

    Raises :class:`SafetyRefusal` E207 when they do not fit each other or the packing.
    """
    name = f"{module}.weight"
    for part, weight in parts.items():
        if len(weight.shape) > 2:
            raise _misfit(module, part)
    if packing.layout in ("dense", "plain"):
        shape = _ct_shape(module, parts, packing)
        return PackedWeight(
            name, shape, packing.label, lambda: _compressed_tensors(module, parts, packing, shape)
        )
    shape = _linear_shape(module, parts, packing)
    return PackedWeight(name, shape, packing.label, lambda: _linear(module, parts, packing, shape))


def unpack(words: _Array, bits: int, count: int) -> NDArray[np.int16]:
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


# --- compressed-tensors --------------------------------------------------------------------------


def _ct_shape(module: str, parts: _Parts, packing: Packing) -> tuple[int, int]:
    if packing.layout == "plain":
        shape = parts["weight"].shape
        wanted = ("F8_E4M3",) if packing.floating else ("I8",)
        if len(shape) != 2 or parts["weight"].dtype not in wanted:
            raise _misfit(module, "weight")
        return shape[0], shape[1]
    if parts["weight_shape"].dtype not in _WHOLE:
        raise _misfit(module, "weight_shape")
    told = _numbers(parts["weight_shape"]).reshape(-1)
    packed = parts["weight_packed"]
    if told.size != 2 or len(packed.shape) != 2 or packed.dtype != "I32":
        raise _misfit(module, "weight_packed")
    rows, columns = int(told[0]), int(told[1])
    if packed.shape != (rows, -(-columns * packing.bits // _WORD)) or min(rows, columns) < 1:
        raise _misfit(module, "weight_shape")
    return rows, columns


def _compressed_tensors(
    module: str, parts: _Parts, packing: Packing, shape: tuple[int, int]
) -> Floats:
    rows, columns = shape
    scale = _table(module, parts["weight_scale"])
    if packing.layout == "dense":
        words = _integers(module, parts, "weight_packed")
        levels = unpack(words, packing.bits, columns) - (1 << (packing.bits - 1))
        numbers = levels.astype(np.float32)
    else:
        numbers = _rows(parts["weight"], shape)
    place = _place(module, parts, packing, scale, shape)
    if not packing.symmetric:
        numbers -= place(_zero_points(module, parts, packing, scale.shape, rows))
    numbers *= place(scale)
    return numbers


def _zero_points(
    module: str, parts: _Parts, packing: Packing, shape: tuple[int, ...], rows: int
) -> Floats:
    """Zero points in the shape of the scales; symmetric weights have none."""
    stored = parts.get("weight_zero_point")
    if stored is None:
        raise _misfit(module, "weight_zero_point")
    if packing.layout == "plain" or packing.strategy not in ("group", "channel"):
        found = _table(module, stored)
        if found.shape != shape:
            raise _misfit(module, "weight_zero_point")
        return found
    words = _integers(module, parts, "weight_zero_point")
    if words.shape != (-(-rows * packing.bits // _WORD), shape[1]):
        raise _misfit(module, "weight_zero_point")
    levels = unpack(words.T, packing.bits, rows).T - (1 << (packing.bits - 1))
    return levels.astype(np.float32)


def _place(
    module: str, parts: _Parts, packing: Packing, scale: Floats, shape: tuple[int, int]
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
        raise _misfit(module, "weight_scale")
    if packing.strategy in ("tensor", "channel"):
        return lambda table: table
    if packing.strategy == "block":
        down = np.arange(rows) // packing.block[0]
        across = np.arange(columns) // packing.block[1]
        return lambda table: table[down][:, across]
    groups = _groups(module, parts.get("weight_g_idx"), packing.group, columns, scale.shape[1])
    return lambda table: table[:, groups]


# --- gptq and awq --------------------------------------------------------------------------------


def _linear_shape(module: str, parts: _Parts, packing: Packing) -> tuple[int, int]:
    words, scales, zeros = (parts[name] for name in ("qweight", "scales", "qzeros"))
    if any(len(part.shape) != 2 for part in (words, scales, zeros)):
        raise _misfit(module, "qweight")
    if any(part.dtype != "I32" for part in (words, zeros)):
        raise _misfit(module, "qweight")
    per_word = _WORD // packing.bits
    if packing.layout == "awq":
        inputs, outputs = words.shape[0], words.shape[1] * per_word
    else:
        inputs, outputs = words.shape[0] * _WORD // packing.bits, words.shape[1]
    groups = -(-inputs // packing.group) if packing.group else 1
    if scales.shape != (groups, outputs) or min(inputs, outputs) < 1:
        raise _misfit(module, "scales")
    if zeros.shape != (groups, outputs * packing.bits // _WORD):
        raise _misfit(module, "qzeros")
    return outputs, inputs


def _linear(module: str, parts: _Parts, packing: Packing, shape: tuple[int, int]) -> Floats:
    outputs, inputs = shape
    words, zeros = (_integers(module, parts, name) for name in ("qweight", "qzeros"))
    scales = _table(module, parts["scales"])
    if packing.layout == "awq":
        levels, points = _awq_order(words, outputs), _awq_order(zeros, outputs)
    else:
        levels = unpack(words.T, packing.bits, inputs).T
        points = unpack(zeros, packing.bits, outputs) + (1 if packing.layout == "gptq" else 0)
    size = packing.group or inputs
    groups = _groups(module, parts.get("g_idx"), size, inputs, scales.shape[0])
    numbers = (levels - points[groups]).astype(np.float32)
    numbers *= scales[groups]
    return np.ascontiguousarray(numbers.T)


def _awq_order(words: _Array, outputs: int) -> NDArray[np.int16]:
    stored = unpack(words, 4, outputs).reshape(len(words), -1, len(_AWQ_ORDER))
    right = np.empty_like(stored)
    right[:, :, list(_AWQ_ORDER)] = stored
    return right.reshape(len(words), outputs)


# --- parts ---------------------------------------------------------------------------------------


def _groups(
    module: str, stored: StoredWeight | None, size: int, columns: int, groups: int
) -> NDArray[np.int64]:
    """Which group each column belongs to: as stored, else by order."""
    plain = np.arange(columns, dtype=np.int64) // size
    if stored is None:
        return plain
    if stored.dtype not in _WHOLE:
        raise _misfit(module, "g_idx")
    found = _numbers(stored).reshape(-1).astype(np.int64)
    if found.size != columns:
        raise _misfit(module, "g_idx")
    if bool((found == -1).all()):  # never filled in: the library takes the order then
        return plain
    if bool((found < 0).any() | (found >= groups).any()):
        raise _misfit(module, "g_idx")
    return found


def _table(module: str, weight: StoredWeight) -> Floats:
    """A table of scales, of two dimensions: one number is (1, 1)."""
    found = _numbers(weight).astype(np.float32)
    if found.size == 1:
        return found.reshape(1, 1)
    if found.ndim == 1:
        return found.reshape(-1, 1)
    if not found.size:
        raise _misfit(module, "weight_scale")
    return found


def _numbers(weight: StoredWeight) -> Doubles:
    return weight.view().rows(0, as_matrix(weight.shape)[0]).reshape(weight.shape)


def _integers(module: str, parts: _Parts, part: str) -> NDArray[np.int32]:
    """A matrix of int32 words."""
    weight = parts[part]
    if weight.dtype != "I32" or len(weight.shape) != 2:
        raise _misfit(module, part)
    return np.frombuffer(weight.read(weight.entry), "<i4").reshape(weight.shape)


def _rows(weight: StoredWeight, shape: tuple[int, int]) -> Floats:
    """A matrix of one number each, decoded some rows at a time."""
    found = np.empty(shape, dtype=np.float32)
    view, step = weight.view(), max(1, _BLOCK // shape[1])
    for first in range(0, shape[0], step):
        found[first : first + step] = view.rows(first, min(step, shape[0] - first))
    return found


def _misfit(module: str, part: str) -> SafetyRefusal:
    return SafetyRefusal(
        "E207",
        f"`{module[:120]}.{part}` does not fit `quantization_config`",
        "use the weights made for this config",
    )
