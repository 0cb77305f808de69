"""Small model folders, written by hand so that each fault can be put in exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

TensorSpec = tuple[str, list[int], list[int]]
GOOD: Mapping[str, TensorSpec] = {
    "a.weight": ("F32", [2, 2], [0, 16]),
    "b.weight": ("F16", [4], [16, 24]),
}


def header_bytes(tensors: Mapping[str, TensorSpec]) -> bytes:
    """The JSON of a safetensors header."""
    rows = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        for name, (dtype, shape, offsets) in tensors.items()
    }
    return json.dumps(rows).encode()


def safetensors(header: bytes, data: bytes) -> bytes:
    """A whole file out of header and data."""
    return len(header).to_bytes(8, "little") + header + data


def good_file() -> bytes:
    """Two tensors, 24 bytes of data."""
    return safetensors(header_bytes(GOOD), bytes(range(24)))


def one_tensor(name: str) -> bytes:
    """A file with a single tensor of four bytes."""
    return safetensors(header_bytes({name: ("F32", [1], [0, 4])}), b"\0\0\x80?")


def write_model(folder: Path, **files: bytes) -> Path:
    """A good single-file model; ``files`` replace or add, with ``__`` standing for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"config.json": b'{"model_type": "llama"}', "model.safetensors": good_file()}
    content |= {name.replace("__", "."): data for name, data in files.items()}
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def write_sharded(folder: Path) -> Path:
    """A good model in two shards with its index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for tensor, shard in zip(("x", "y"), names, strict=True):
        (folder / shard).write_bytes(one_tensor(tensor))
    index = {"metadata": {"total_size": 8}, "weight_map": {"x": names[0], "y": names[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
