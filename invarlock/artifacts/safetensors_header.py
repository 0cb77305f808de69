"""A strict reading of safetensors headers, and the raw bytes of one tensor at a time.

The library's reader accepts duplicate keys (the last wins), absurd empty shapes and any tensor
name; this one refuses them, so that two readers cannot see two models in one file. Format:
eight bytes of little-endian header length, a JSON header, then the tensors' bytes without gaps.
Runs inside the boundary. Needs neither numpy nor torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Final

from invarlock.artifacts.kinds import MAX_HEADER
from invarlock.artifacts.shown import shown
from invarlock.canonical import Json, StrictJsonError, strict_json
from invarlock.errors import EnvironmentFault, SafetyRefusal

DTYPE_BYTES: Final[dict[str, int]] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F8_E8M0": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}
MAX_RANK: Final = 8
MAX_DIMENSION: Final = 1 << 32
MAX_ELEMENTS: Final = 1 << 42
MAX_TENSORS: Final = 1_000_000

_NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9_](?:[A-Za-z0-9_\-]|\.(?!\.)){0,511}")
_FIELDS: Final = frozenset({"dtype", "shape", "data_offsets"})
_METADATA: Final = "__metadata__"
_PREFIX: Final = 8


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor: ``start`` and ``end`` are byte offsets in the file, row-major, little-endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """All tensors of one file in the order of their bytes, which leave no byte unused."""

    tensors: tuple[TensorEntry, ...]
    metadata: dict[str, str]
    size: int


def read_header(source: int | bytes, *, label: str = "safetensors file") -> Header:
    """Read the header of a descriptor (or of the file's bytes) strictly.

    Raises SafetyRefusal E202 when the file is truncated or has trailing bytes, when the header is
    over 100 MB, is not strict JSON or holds duplicate keys, and when a tensor has an unknown dtype,
    an untrusted name, a dimension over its cap, bytes that do not fit its shape, or overlaps a
    neighbour or leaves a hole.
    """
    size = len(source) if isinstance(source, bytes) else os.fstat(source).st_size
    length = _header_length(_take(source, 0, min(_PREFIX, size)), size, label)
    raw = _take(source, _PREFIX, length)
    if len(raw) != length or not raw.startswith(b"{"):
        raise _malformed(label, "the header does not start with `{`")
    try:
        # The JSON text may not be the whole of a lenient reader's view: pads are spaces only.
        document = strict_json(raw, max_bytes=MAX_HEADER, max_depth=4)
    except StrictJsonError as err:
        raise _malformed(label, shown(str(err))) from err
    if not isinstance(document, dict) or len(document) > MAX_TENSORS:
        raise _malformed(label, "the header is not an object of tensors")
    metadata = _metadata(document.pop(_METADATA, None), label)
    start = _PREFIX + length
    tensors = sorted(
        (_tensor(name, value, start, label) for name, value in document.items()),
        key=lambda tensor: (tensor.start, tensor.end, tensor.name),
    )
    _check_layout(tensors, start, size, label)
    return Header(tuple(tensors), metadata, size)


def read_tensor(source: int, tensor: TensorEntry, *, label: str = "safetensors file") -> bytearray:
    """The tensor's bytes, read at their offset. Raises SafetyRefusal E209 on a short read."""
    buffer = bytearray(tensor.end - tensor.start)
    view, done = memoryview(buffer), 0
    while done < len(buffer):
        count = os.preadv(source, [view[done:]], tensor.start + done)
        if count == 0:
            raise SafetyRefusal("E209", f"`{label}` changed while it was read")
        done += count
    return buffer


def iter_tensors(source: int, header: Header) -> Iterator[tuple[TensorEntry, bytearray]]:
    """Every tensor with its bytes, one at a time, in file order."""
    for tensor in header.tensors:
        yield tensor, read_tensor(source, tensor)


def _take(source: int | bytes, start: int, count: int) -> bytes:
    if isinstance(source, bytes):
        return source[start : start + count]
    try:
        return os.pread(source, count, start)
    except OSError as err:
        raise EnvironmentFault("E603", "reading a weights file failed", "check the disk") from err


def _malformed(label: str, reason: str) -> SafetyRefusal:
    return SafetyRefusal(
        "E202", f"`{label}` is malformed: {reason}", "fetch or write the file again"
    )


def _header_length(prefix: bytes, size: int, label: str) -> int:
    if len(prefix) < _PREFIX:
        raise _malformed(label, "truncated before its header")
    length = int.from_bytes(prefix, "little")
    if length > MAX_HEADER:
        raise _malformed(label, f"its header claims {length} bytes, more than {MAX_HEADER}")
    if length > size - _PREFIX:
        raise _malformed(label, "truncated inside its header")
    return length


def _metadata(value: Json, label: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(label, "`__metadata__` is not an object")
    out: dict[str, str] = {}
    for key, item in value.items():
        if not isinstance(item, str):
            raise _malformed(label, "`__metadata__` holds something other than strings")
        out[key] = item
    return out


def _tensor(name: str, value: Json, start: int, label: str) -> TensorEntry:
    if not _NAME.fullmatch(name):
        raise _malformed(label, f"tensor name `{shown(name)}` is not allowed")
    if not isinstance(value, dict) or set(value) != _FIELDS:
        raise _malformed(label, f"tensor `{name}` does not hold dtype, shape and data_offsets")
    dtype = value["dtype"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise _malformed(label, f"tensor `{name}` has an unknown dtype")
    shape = _shape(value["shape"], name, label)
    offsets = _whole_numbers(value["data_offsets"])
    if offsets is None or len(offsets) != 2 or not 0 <= offsets[0] <= offsets[1]:
        raise _malformed(label, f"tensor `{name}` has impossible offsets")
    if offsets[1] - offsets[0] != prod(shape) * DTYPE_BYTES[dtype]:
        raise _malformed(label, f"tensor `{name}` has bytes that do not fit its shape")
    return TensorEntry(name, dtype, shape, start + offsets[0], start + offsets[1])


def _shape(value: Json, name: str, label: str) -> tuple[int, ...]:
    shape = _whole_numbers(value)
    if shape is None or len(shape) > MAX_RANK:
        raise _malformed(label, f"tensor `{name}` has an impossible shape")
    if any(not 0 <= dim <= MAX_DIMENSION for dim in shape) or prod(shape) > MAX_ELEMENTS:
        raise _malformed(label, f"tensor `{name}` has a dimension over its cap")
    return shape


def _whole_numbers(value: Json) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    numbers = tuple(item for item in value if isinstance(item, int) and not isinstance(item, bool))
    return numbers if len(numbers) == len(value) else None


def _check_layout(tensors: list[TensorEntry], start: int, size: int, label: str) -> None:
    position = start
    for tensor in tensors:
        if tensor.start < position:
            raise _malformed(label, f"tensor `{tensor.name}` overlaps another")
        if tensor.start > position:
            raise _malformed(label, f"a hole precedes tensor `{tensor.name}`")
        position = tensor.end
    if position > size:
        raise _malformed(label, "truncated inside its tensors")
    if position < size:
        raise _malformed(label, f"{size - position} trailing bytes")
