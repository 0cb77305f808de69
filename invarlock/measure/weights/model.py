"""The weights of a model folder by name, packed ones under the name that they are packed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from invarlock.artifacts.model_files import ModelFiles
from invarlock.artifacts.packed import Packing
from invarlock.artifacts.safetensors_header import TensorEntry, read_tensor
from invarlock.errors import SafetyRefusal
from invarlock.measure.weights.packed import PARTS, packed_weight
from invarlock.measure.weights.stored import StoredWeight, Weight

Weights = Mapping[str, Weight]


def weights_of(files: ModelFiles) -> dict[str, Weight]:
    """Every weight of ``files`` by its name in the model, sorted by name.

    Raises :class:`SafetyRefusal` E207 where packed weights do not fit their configuration.
    """
    stored: dict[str, StoredWeight] = {}
    for shard, head in files.headers.items():
        fd = files.descriptors[shard]

        def read(part: TensorEntry, fd: int = fd, shard: str = shard) -> bytearray:
            return read_tensor(fd, part, label=shard)

        stored |= {entry.name: StoredWeight(entry, read) for entry in head.tensors}
    found: dict[str, Weight] = dict(stored)
    if files.packing is not None:
        found = dict(_unpacked(stored, files.packing))
    return dict(sorted(found.items()))


def _unpacked(stored: Mapping[str, StoredWeight], packing: Packing) -> Iterator[tuple[str, Weight]]:
    """Each module's weight out of its parts, and every other tensor as it is stored."""
    needed, allowed = PARTS[packing.layout]
    mark = min(needed - {"weight"})
    modules = {name.removesuffix(f".{mark}") for name in stored if name.endswith(f".{mark}")}
    if not modules:
        raise SafetyRefusal(
            "E207", "`quantization_config` is there and no packed weight", "remove the one"
        )
    parts: dict[str, dict[str, StoredWeight]] = {module: {} for module in modules}
    for name, weight in stored.items():
        module, _, part = name.rpartition(".")
        if module in modules and part in needed | allowed:
            parts[module][part] = weight
        else:
            yield name, weight
    for module, found in parts.items():
        if f"{module}.weight" in stored and "weight" not in needed:
            raise SafetyRefusal(
                "E207", f"`{module[:120]}.weight` is stored twice, packed and not", "keep one"
            )
        for part in sorted(needed - found.keys()):
            raise SafetyRefusal(
                "E207", f"`{module[:120]}.{part}` is missing", "fetch the model again"
            )
        yield f"{module}.weight", packed_weight(module, found, packing)
