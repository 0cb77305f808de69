"""A subject from a baseline, a tensor at a time: folder, weights, configuration."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import safe_open

from benchmarks.power.changes import Float32

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"

Change = Callable[[str, Float32], Float32]
"""What becomes of a tensor, by the name that it has in the subject."""
Stored = tuple[str, str, "np.ndarray[Any, Any]"]
"""A tensor as it is written: name, safetensors dtype, and its array (bfloat16 as uint16)."""

_BYTES: Final = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "I64": 8}


@dataclass(frozen=True)
class Baseline:
    """The baseline's folder, and the prose that it is measured on."""

    folder: Path
    data: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """``config.json``."""
        found: dict[str, Any] = json.loads((self.folder / CONFIG).read_text(encoding="utf-8"))
        return found

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Tensors by name, in the order of their names."""
        with safe_open(self.folder / WEIGHTS, framework="np") as stored:
            names = sorted(stored.keys())
            return {name: tuple(stored.get_slice(name).get_shape()) for name in names}

    @property
    def layers(self) -> int:
        """How many layers it has."""
        return int(self.config["num_hidden_layers"])

    def tensor(self, name: str) -> Float32:
        """One tensor as float32; the file is opened anew, so that no page of it is kept."""
        with safe_open(self.folder / WEIGHTS, framework="np") as stored:
            return np.asarray(stored.get_tensor(name), dtype=np.float32)

    def tokens(self) -> Iterator[tuple[str | None, list[int]]]:
        """Slice and token ids of every document of the prose."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        for line in self.data.read_text(encoding="utf-8").splitlines():
            document = json.loads(line)
            yield document.get("slice"), tokenizer.encode(document["text"]).ids

    def token_id(self, token: str) -> int:
        """The id of a token as the vocabulary spells it. Raises ``KeyError``."""
        from make_subjects import token_id

        return int(token_id(self.folder, token))


def write_subject(
    baseline: Baseline,
    target: Path,
    change: Change,
    *,
    dtype: str = "F32",
    names: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write a subject's folder.

    Args:
        change: applied to each tensor.
        dtype: how numbers are stored: F32, F16 or BF16.
        names: name in the subject → name in the baseline; as they are by default.
        config: keys of ``config.json`` that change.
    """
    origin = names if names is not None else {name: name for name in baseline.shapes}

    def stored() -> Iterator[Stored]:
        for name in sorted(origin):
            yield name, dtype, encoded(change(name, baseline.tensor(origin[name])), dtype)

    shapes = {name: (dtype, baseline.shapes[origin[name]]) for name in sorted(origin)}
    write_folder(baseline, target, shapes, stored(), config)


def write_folder(
    baseline: Baseline,
    target: Path,
    shapes: Mapping[str, tuple[str, tuple[int, ...]]],
    tensors: Iterable[Stored],
    config: Mapping[str, Any] | None = None,
) -> None:
    """The baseline's folder with other tensors: ``shapes`` tells dtype and shape beforehand."""
    target.mkdir(parents=True)
    for path in sorted(baseline.folder.iterdir()):
        if path.name != WEIGHTS:
            shutil.copyfile(path, target / path.name)
    if config:
        text = json.dumps({**baseline.config, **config}, indent=1)
        (target / CONFIG).write_text(text, encoding="utf-8")
    _write_weights(target / WEIGHTS, shapes, tensors)


def _write_weights(
    path: Path, shapes: Mapping[str, tuple[str, tuple[int, ...]]], tensors: Iterable[Stored]
) -> None:
    """A safetensors file, a tensor at a time. Raises ``ValueError`` where one is not as told."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape) in shapes.items():
        end = at + _BYTES[dtype] * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as handle:
        handle.write(len(text).to_bytes(8, "little") + text)
        for (name, told), (given, dtype, array) in zip(shapes.items(), tensors, strict=True):
            if (name, told) != (given, (dtype, array.shape)):
                raise ValueError(f"expected `{name}` {told}, got `{given}` {dtype} {array.shape}")
            handle.write(np.ascontiguousarray(array).data)


def encoded(tensor: Float32, dtype: str) -> np.ndarray[Any, Any]:
    """The array that stands for ``tensor`` in a file: bfloat16 rounds half to even."""
    if dtype == "F32":
        return tensor.astype("<f4", copy=False)
    if dtype == "F16":
        return tensor.astype("<f2")
    bits = tensor.astype("<f4").view("<u4")
    even = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + even) >> np.uint32(16)).astype("<u2")
