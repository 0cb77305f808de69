"""The weights of a model folder by name."""

from __future__ import annotations

from collections.abc import Mapping

from invarlock.artifacts.model_files import ModelFiles
from invarlock.artifacts.safetensors_header import TensorEntry, read_tensor
from invarlock.measure.weights.stored import StoredWeight, Weight

Weights = Mapping[str, Weight]


def weights_of(files: ModelFiles) -> dict[str, Weight]:
    """Every weight of ``files`` by its name in the model, sorted by name."""
    found: dict[str, Weight] = {}
    for shard, head in files.headers.items():
        fd = files.descriptors[shard]

        def read(part: TensorEntry, fd: int = fd, shard: str = shard) -> bytearray:
            return read_tensor(fd, part, label=shard)

        found |= {entry.name: StoredWeight(entry, read) for entry in head.tensors}
    return dict(sorted(found.items()))
