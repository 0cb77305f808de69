"""Which files of a model folder are loaded, listed or refused, by name and by leading bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from invarlock.errors import SafetyRefusal

LOADED_NAMES: Final = frozenset(
    {
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.json",
        "merges.txt",
        "added_tokens.json",
        "chat_template.jinja",
    }
)
"""What a loader needs beside weights; nothing else is passed into a boundary."""

WEIGHTS_SUFFIX: Final = ".safetensors"

SMALL_CAP: Final = 256 << 20
"""Cap in bytes of every loaded file that is not weights."""

MAX_HEADER: Final = 100_000_000
"""The safetensors format's own cap on its header, in bytes."""

_PICKLE_SUFFIXES: Final = (
    ".bin",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".ckpt",
    ".joblib",
    ".h5",
    ".keras",
    ".msgpack",
    ".npz",
)
_UNSAFE_MAGIC: Final = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"GGUF", "a GGUF file"),
)


def is_weights(path: str) -> bool:
    """Whether ``path`` is a safetensors file at the folder's top level."""
    return path.endswith(WEIGHTS_SUFFIX) and "/" not in path


def is_loaded(path: str) -> bool:
    """Whether ``path`` is on the allow-list of files passed into a boundary."""
    return path in LOADED_NAMES or is_weights(path)


def check_kinds(paths: Sequence[str], label: str) -> None:
    """Refuse a folder that cannot be loaded without unsafe formats.

    Stray pickles beside safetensors are listed and never loaded. Raises SafetyRefusal: E201 when
    the only weights are pickles, E203 without weights, E210 for adapters and GGUF.
    """
    if "adapter_config.json" in paths:
        raise SafetyRefusal(
            "E210", f"`{label}` is an adapter", "merge it into its base model first"
        )
    if any(is_weights(path) for path in paths):
        return
    for path in paths:
        if path.lower().endswith(_PICKLE_SUFFIXES):
            raise SafetyRefusal(
                "E201",
                f"`{path}` may hold a pickle and `{label}` has no safetensors weights",
                "convert the model to safetensors",
            )
    for path in paths:
        if path.lower().endswith(".gguf"):
            raise SafetyRefusal(
                "E210", f"`{path}` is GGUF, which is not loaded", "convert the model to safetensors"
            )
    raise SafetyRefusal("E203", f"`{label}` has no safetensors weights", "check the path")


def check_magic(path: str, head: bytes) -> None:
    """Refuse (E201) a weights file whose leading bytes are those of a code-bearing format.

    A safetensors file starts with its header's length in eight bytes, then ``{``; a length such as
    0x280 happens to start like a pickle and is told apart by the rest.
    """
    if not is_weights(path) or looks_like_safetensors(head):
        return
    for magic, kind in _UNSAFE_MAGIC:
        if head.startswith(magic):
            raise SafetyRefusal(
                "E201", f"`{path}` is {kind}, not safetensors", "convert the model to safetensors"
            )


def looks_like_safetensors(head: bytes) -> bool:
    """Whether the first nine bytes can start a safetensors file."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_HEADER
