"""The files of one model, read strictly inside the boundary before any library sees them.

The parent only hashes; these parsers run where the model runs. They make sure that index, shards
and headers tell one story, and that no configuration asks for code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.artifacts.descriptor import CHUNK, changed
from invarlock.artifacts.kinds import SMALL_CAP, is_weights
from invarlock.artifacts.packed import Packing, packing_of
from invarlock.artifacts.safetensors_header import Header, TensorEntry, read_header, read_tensor
from invarlock.artifacts.shown import shown
from invarlock.canonical import Json, StrictJsonError, strict_json
from invarlock.errors import EnvironmentFault, SafetyRefusal

CONFIG: Final = "config.json"
INDEX: Final = "model.safetensors.index.json"
SINGLE: Final = "model.safetensors"
CHECKED_CONFIGS: Final = (CONFIG, "generation_config.json", "tokenizer_config.json")
"""JSON files that a library reads and that could ask for code."""

_CODE_KEYS: Final = frozenset(
    {"auto_map", "custom_pipelines", "custom_generate", "trust_remote_code", "code_revision"}
)
_KERNEL_SUFFIX: Final = "_implementation"
_KNOWN_KERNELS: Final = frozenset(
    {"", "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention", "grouped_mm"}
)
_MISLEADING_KEYS: Final = frozenset(
    {"transformers_weights", "is_causal", "use_bidirectional_attention"}
)
"""Keys by which a library loads other weights than those hashed, or lets a token see later ones."""
_HONEST: Final[Mapping[str, tuple[Json, ...]]] = {
    "is_causal": (None, True),
    "use_bidirectional_attention": (None, False),
}
_PACKED: Final = "quantization_config"
_UNSUPPORTED: Final = "compression_config"
_INDEX_KEYS: Final = frozenset({"metadata", "weight_map"})
_MAX_CONFIG: Final = 16 << 20


def check_config(data: bytes, *, label: str = CONFIG) -> dict[str, Json]:
    """The configuration as a mapping, if it asks for nothing but data.

    Raises SafetyRefusal E206 when it is not a strict JSON object, E204 when it (or a configuration
    nested in it) names remote code (`auto_map`, `custom_pipelines`, a kernel to be fetched), E206
    when it points a library to other weights or past the causal mask, E210
    when its weights are packed (`quantization_config`) in a way that has no decoder.
    """
    try:
        document = strict_json(data, max_bytes=_MAX_CONFIG)
    except StrictJsonError as err:
        raise SafetyRefusal(
            "E206", f"`{label}` is malformed: {shown(str(err))}", "mend the file"
        ) from err
    if not isinstance(document, dict):
        raise SafetyRefusal("E206", f"`{label}` is not a JSON object", "mend the file")
    _check_code(document, label)
    if document.get(_UNSUPPORTED) is not None:
        raise SafetyRefusal(
            "E210", f"`{label}` has `{_UNSUPPORTED}`", "store the weights dequantised first"
        )
    if document.get(_PACKED) is not None:
        packing_of(document[_PACKED], label)
    return document


def _check_code(value: Json, label: str) -> None:
    if isinstance(value, list):
        for item in value:
            _check_code(item, label)
    elif isinstance(value, dict):
        for key, item in value.items():
            if _asks_for_code(key, item):
                raise SafetyRefusal(
                    "E204",
                    f"`{label}` asks for code with `{shown(key)}`",
                    f"remove `{shown(key)}`, or use a built-in architecture",
                )
            if key in _MISLEADING_KEYS and item not in _HONEST.get(key, (None,)):
                raise SafetyRefusal(
                    "E206",
                    f"`{label}` sets `{shown(key)}`: what runs would not be what was measured",
                    f"remove `{shown(key)}`",
                )
            _check_code(item, label)


def _asks_for_code(key: str, value: Json) -> bool:
    if key in _CODE_KEYS:
        return bool(value)
    if key.endswith(_KERNEL_SUFFIX + "_internal"):
        # CVE-2026-4372: set in a file, this key made the library fetch and run a kernel.
        return True
    if key.endswith(_KERNEL_SUFFIX):
        words = list(value.values()) if isinstance(value, dict) else [value]
        return not all(word is None or _is_known_kernel(word) for word in words)
    return False


def _is_known_kernel(word: Json) -> bool:
    return isinstance(word, str) and word in _KNOWN_KERNELS


def shards_of(files: Collection[str], index: bytes | None) -> tuple[str, ...]:
    """The exact set of weight files, sorted; ``files`` are the names in the model folder.

    Raises SafetyRefusal E203 when a shard is missing or unlisted, or no weights are there, or both
    an index and `model.safetensors` claim to be the model; E202 when the index is malformed.
    """
    present = {name for name in files if is_weights(name)}
    wanted = {SINGLE} if index is None else set(weight_map(index).values())
    for name in sorted(wanted - present):
        raise SafetyRefusal("E203", f"shard `{name}` is missing", "fetch the model again")
    for name in sorted(present - wanted):
        raise SafetyRefusal(
            "E203", f"`{name}` is not listed as a shard", "make folder and index agree"
        )
    return tuple(sorted(wanted))


def weight_map(index: bytes) -> dict[str, str]:
    """Tensor names to shard names of `model.safetensors.index.json`, read strictly (E202)."""
    try:
        document = strict_json(index, max_bytes=SMALL_CAP, max_depth=8)
    except StrictJsonError as err:
        raise _bad_index(shown(str(err))) from err
    if not isinstance(document, dict) or not set(document) <= _INDEX_KEYS:
        raise _bad_index("it holds more than `metadata` and `weight_map`")
    mapping = document.get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise _bad_index("it has no `weight_map`")
    out: dict[str, str] = {}
    for tensor, shard in mapping.items():
        if not isinstance(shard, str) or not is_weights(shard) or "\\" in shard:
            raise _bad_index(f"`{shown(tensor)}` is not in a safetensors file of the folder")
        out[tensor] = shard
    return out


def check_index(mapping: Mapping[str, str], headers: Mapping[str, Header]) -> None:
    """Index and headers must name the same tensors in the same shards. Raises E203."""
    stored = {tensor.name: shard for shard, head in headers.items() for tensor in head.tensors}
    count = sum(len(head.tensors) for head in headers.values())
    if count != len(stored):
        raise SafetyRefusal("E203", "a tensor is stored in two shards", "write the model again")
    for tensor in sorted(set(mapping) | set(stored)):
        if mapping.get(tensor) != stored.get(tensor):
            raise SafetyRefusal(
                "E203",
                f"`{INDEX}` and the shards disagree about `{shown(tensor)}`",
                "make folder and index agree",
            )


def _bad_index(reason: str) -> SafetyRefusal:
    return SafetyRefusal("E202", f"`{INDEX}` is malformed: {reason}", "fetch or write it again")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A checked model: its configuration, and every tensor with the shard that stores it.

    ``packing`` says how its weights are packed; the configuration no longer does, so that no
    library unpacks them a second time.
    """

    config: dict[str, Json]
    headers: Mapping[str, Header]
    descriptors: Mapping[str, int]
    packing: Packing | None = None

    @property
    def tensors(self) -> dict[str, TensorEntry]:
        """Every tensor by name, sorted by name."""
        found = {t.name: t for head in self.headers.values() for t in head.tensors}
        return dict(sorted(found.items()))

    def read(self, name: str) -> bytearray:
        """Raw bytes of the tensor ``name`` (row-major, little-endian)."""
        for shard, head in self.headers.items():
            for tensor in head.tensors:
                if tensor.name == name:
                    return read_tensor(self.descriptors[shard], tensor, label=shard)
        raise KeyError(name)


@contextmanager
def open_model(folder: Path) -> Iterator[ModelFiles]:
    """Check configuration, index, shards and headers of the model in ``folder`` and hold its
    shards open. Raises SafetyRefusal E202, E203, E204, E206, E210."""
    names = _names(folder)
    for name in CHECKED_CONFIGS[1:]:
        if name in names:
            check_config(_read(folder / name), label=name)
    if CONFIG not in names:
        raise SafetyRefusal("E206", f"`{CONFIG}` is missing", "fetch the model again")
    config = check_config(_read(folder / CONFIG))
    index = _read(folder / INDEX) if INDEX in names else None
    shards = shards_of(names, index)
    descriptors: dict[str, int] = {}
    try:
        for shard in shards:
            descriptors[shard] = os.open(folder / shard, os.O_RDONLY | os.O_CLOEXEC)
        headers = {shard: read_header(fd, label=shard) for shard, fd in descriptors.items()}
        mapping = None if index is None else weight_map(index)
        check_index(_own_map(headers) if mapping is None else mapping, headers)
        packed = config.pop(_PACKED, None)
        packing = None if packed is None else packing_of(packed, CONFIG)
        yield ModelFiles(config, headers, descriptors, packing)
    finally:
        for fd in descriptors.values():
            os.close(fd)


def _own_map(headers: Mapping[str, Header]) -> dict[str, str]:
    return {tensor.name: shard for shard, head in headers.items() for tensor in head.tensors}


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError as err:
        raise EnvironmentFault("E601", f"`{folder.name}` is not a folder") from err


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(SMALL_CAP + 1)
    except OSError as err:
        raise EnvironmentFault("E603", f"reading `{path.name}` failed", "check the disk") from err
    if len(data) > SMALL_CAP:
        raise SafetyRefusal("E208", f"`{path.name}` is larger than its cap of {SMALL_CAP} bytes")
    return data


def check_bound(folder: Path, expected: Mapping[str, str]) -> None:
    """Hash files bound from disk (above the sealing budget) against the parent's digests.

    Called inside the boundary before the model is loaded and again after measuring; ``expected``
    maps paths below ``folder`` to ``sha256:…``. Raises SafetyRefusal E209 where they differ.
    """
    for path, digest in sorted(expected.items()):
        running = hashlib.sha256()
        with (folder / path).open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                running.update(chunk)
        if "sha256:" + running.hexdigest() != digest:
            raise changed(path)
