"""Weights packed by GPTQ and by AWQ, both as inputs by outputs.

    GPTQ   W[o, i] = (q[i, o] − z[g(i), o] − 1)·s[g(i), o]; q packed along inputs, z along outputs
           and one too small in ``gptq`` (right in ``gptq_v2``); ``g_idx`` says the group g(i)
    AWQ    W[o, i] = (q[i, o] − z[g(i), o])·s[g(i), o]; both packed along outputs, eight to a word
           in the order 0, 2, 4, 6, 1, 3, 5, 7

Kernels for symmetric GPTQ weights (``sym``) never look at z, and those for weights in order (not
``desc_act``) never at ``g_idx``. What is stored must be what they take it to be, or the weight is
refused: every z the middle level, g(i) the order. So is a z + 1 that has no place in its bits: some
kernels take it for 0.

Sources: AutoGPTQ and GPTQModel; AutoAWQ, version ``gemm``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.artifacts.packed import Packing
from invarlock.measure.weights.parts import (
    WORD,
    Floats,
    Parts,
    Words,
    groups_of,
    in_order,
    integers_of,
    misfit,
    scales_of,
    unpack,
)
from invarlock.measure.weights.stored import StoredWeight

_AWQ_ORDER: Final = (0, 2, 4, 6, 1, 3, 5, 7)


def linear_shape(module: str, parts: Parts, packing: Packing) -> tuple[int, int]:
    """Outputs and inputs of the weight. Raises :class:`SafetyRefusal` E207."""
    words, scales, zeros = (parts[name] for name in ("qweight", "scales", "qzeros"))
    if any(len(part.shape) != 2 for part in (words, scales, zeros)):
        raise misfit(module, "qweight")
    if any(part.dtype != "I32" for part in (words, zeros)):
        raise misfit(module, "qweight")
    per_word = WORD // packing.bits
    if packing.layout == "awq":
        inputs, outputs = words.shape[0], words.shape[1] * per_word
    else:
        inputs, outputs = words.shape[0] * WORD // packing.bits, words.shape[1]
    groups = -(-inputs // packing.group) if packing.group else 1
    if words.shape[0] * WORD % packing.bits or outputs * packing.bits % WORD:
        raise misfit(module, "qweight")
    if scales.shape != (groups, outputs) or min(inputs, outputs) < 1:
        raise misfit(module, "scales")
    if zeros.shape != (groups, outputs * packing.bits // WORD):
        raise misfit(module, "qzeros")
    return outputs, inputs


def linear(module: str, parts: Parts, packing: Packing, shape: tuple[int, int]) -> Floats:
    """The weight, of ``shape``. Raises :class:`SafetyRefusal` E207."""
    outputs, inputs = shape
    words, zeros = (integers_of(module, parts, name) for name in ("qweight", "qzeros"))
    scales = scales_of(module, parts, "scales")
    if packing.layout == "awq":
        levels, points = _awq_order(words, outputs), _awq_order(zeros, outputs)
    else:
        levels = unpack(words.T, packing.bits, inputs).T
        points = _gptq_points(module, zeros, outputs, packing)
    groups = _groups(module, parts.get("g_idx"), inputs, scales.shape[0], packing)
    numbers = (levels - points[groups]).astype(np.float32)
    numbers *= scales[groups]
    return np.ascontiguousarray(numbers.T)


def _gptq_points(module: str, zeros: Words, outputs: int, packing: Packing) -> NDArray[np.int16]:
    levels = 1 << packing.bits
    points = unpack(zeros, packing.bits, outputs) + np.int16(packing.layout == "gptq")
    if bool((points == levels).any()) or (
        packing.symmetric and bool((points != levels // 2).any())
    ):
        raise misfit(module, "qzeros")
    return points


def _groups(
    module: str, stored: StoredWeight | None, inputs: int, groups: int, packing: Packing
) -> NDArray[np.int64]:
    order = in_order(packing.group or inputs, inputs)
    if stored is None:
        if packing.reordered:
            raise misfit(module, "g_idx")
        return order
    found = groups_of(module, stored, inputs, groups)
    if not packing.reordered and bool((found != order).any()):
        raise misfit(module, "g_idx")
    return found


def _awq_order(words: Words, outputs: int) -> NDArray[np.int16]:
    stored = unpack(words, 4, outputs).reshape(len(words), -1, len(_AWQ_ORDER))
    right = np.empty_like(stored)
    right[:, :, list(_AWQ_ORDER)] = stored
    return right.reshape(len(words), outputs)
