"""Exports by the compressed-tensors library itself: what serving engines load.

Scales are the plain ones, largest magnitude over largest level, for whole rows or for groups; the
library rounds, packs and describes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.power.changes import Float32
from benchmarks.power.subject import Baseline, Stored, write_folder

_SUFFIX = ".weight"


def packed(baseline: Baseline, target: Path, *, bits: int, group: int | None) -> None:
    """The baseline with its 210 matrices in format `pack-quantized`, ``bits`` a weight."""
    from make_subjects import MATRIX

    config = _config(bits, group)
    scheme = config.config_groups["group_0"]
    whole = [name for name in baseline.shapes if not MATRIX.fullmatch(name)]
    cut = [name for name in baseline.shapes if MATRIX.fullmatch(name)]
    first = {name: dict(_compressed(baseline.tensor(name), scheme)) for name in cut[:1]}
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        name: ("F32", baseline.shapes[name]) for name in whole
    }
    for name in cut:
        for part, array in _shapes(first[cut[0]], baseline.shapes[cut[0]], baseline.shapes[name]):
            shapes[name.removesuffix(_SUFFIX) + "." + part] = array

    def tensors() -> Iterator[Stored]:
        for name in whole:
            yield name, "F32", baseline.tensor(name)
        for name in cut:
            for part, array in _compressed(baseline.tensor(name), scheme):
                yield name.removesuffix(_SUFFIX) + "." + part, _stored(array), array

    described = config.to_dict()
    described["quant_method"] = "compressed-tensors"
    described["quantization_status"] = "compressed"
    write_folder(baseline, target, shapes, tensors(), {"quantization_config": described})


def _config(bits: int, group: int | None) -> Any:
    from compressed_tensors.quantization import (
        QuantizationArgs,
        QuantizationConfig,
        QuantizationScheme,
    )

    weights = QuantizationArgs(
        num_bits=bits,
        type="int",
        symmetric=True,
        strategy="group" if group else "channel",
        group_size=group,
    )
    scheme = QuantizationScheme(targets=["Linear"], weights=weights, format="pack-quantized")
    return QuantizationConfig(
        config_groups={"group_0": scheme}, format="pack-quantized", ignore=["lm_head"]
    )


def _compressed(weight: Float32, scheme: Any) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    import torch
    from compressed_tensors.compressors import PackedQuantizationCompressor

    rows, columns = weight.shape
    top = 2 ** (scheme.weights.num_bits - 1) - 1
    parts = np.abs(weight).reshape(rows, -1, scheme.weights.group_size or columns)
    scale = (parts.max(axis=2) / np.float32(top)).astype(np.float32)
    given = {"weight": torch.from_numpy(weight.copy()), "weight_scale": torch.from_numpy(scale)}
    found = PackedQuantizationCompressor.compress(given, scheme)
    for part in sorted(found):
        yield part, found[part].numpy()


def _stored(array: np.ndarray[Any, Any]) -> str:
    return {"i4": "I32", "i8": "I64", "f4": "F32"}[array.dtype.str[1:]]


def _shapes(
    example: dict[str, np.ndarray[Any, Any]], of: tuple[int, ...], shape: tuple[int, ...]
) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Parts of a matrix of ``shape``, after those of one of shape ``of``."""
    for part, array in example.items():
        if part == "weight_shape":
            yield part, (_stored(array), array.shape)
            continue
        columns = array.shape[1] if array.shape[1] == 1 else array.shape[1] * shape[1] // of[1]
        yield part, (_stored(array), (shape[0], columns))
