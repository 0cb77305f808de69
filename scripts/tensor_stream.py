"""Write a safetensors file a tensor at a time, so that no model has to fit in memory twice.

Format: eight bytes of header length (little-endian), the header as JSON, the raw tensors.
Source: the safetensors format description (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


def write_float32(
    path: Path, shapes: Mapping[str, tuple[int, ...]], tensors: Iterable[tuple[str, Float32]]
) -> None:
    """Write ``tensors`` to ``path``; they must come in the order of ``shapes``.

    Raises:
        ValueError: a tensor came out of order, of another shape, or not at all.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in shapes.items():
        end = at + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as handle:
        handle.write(len(text).to_bytes(8, "little") + text)
        for (name, shape), (given, tensor) in zip(shapes.items(), tensors, strict=True):
            if given != name or tensor.shape != shape:
                raise ValueError(f"expected `{name}` {shape}, got `{given}` {tensor.shape}")
            handle.write(np.ascontiguousarray(tensor, dtype="<f4").data)
