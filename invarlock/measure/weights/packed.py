"""Packed weights: the tensor under the baseline's name, as the model computes with it.

A weight is decoded whole, to float32, while it is read, and then let go. What the layouts mean
stands where they are decoded, in :mod:`compressed` and :mod:`linear`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from invarlock.artifacts.packed import Packing
from invarlock.measure.weights.compressed import check_parts, compressed_shape, compressed_tensors
from invarlock.measure.weights.linear import linear, linear_shape
from invarlock.measure.weights.parts import Floats, Parts, misfit
from invarlock.measure.weights.stored import Doubles, View

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


def packed_weight(module: str, parts: Parts, packing: Packing) -> PackedWeight:
    """The weight of ``module``, whose stored tensors are ``parts``, by the last word of their name.

    Raises :class:`SafetyRefusal` E207 when they do not fit each other or the packing.
    """
    name = f"{module}.weight"
    for part, weight in parts.items():
        if len(weight.shape) > 2 or not packing.covers(module):
            raise misfit(module, part)
    if packing.layout in ("dense", "plain"):
        check_parts(module, parts, packing)
        shape = compressed_shape(module, parts, packing)
        return PackedWeight(
            name, shape, packing.label, lambda: compressed_tensors(module, parts, packing, shape)
        )
    shape = linear_shape(module, parts, packing)
    return PackedWeight(name, shape, packing.label, lambda: linear(module, parts, packing, shape))
