"""The strict header: a corpus of malformed files, each refused, beside ones that must pass."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.artifacts.safetensors_header import (
    DTYPE_BYTES,
    iter_tensors,
    read_header,
    read_tensor,
)
from invarlock.errors import SafetyRefusal
from tests.artifacts.models import GOOD, TensorSpec, good_file, header_bytes, safetensors


def one(dtype: str, shape: object, offsets: object, data: bytes, name: str = "a") -> bytes:
    header = {name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}}
    return safetensors(json.dumps(header).encode(), data)


GOOD_HEADER = header_bytes(GOOD)
DUPLICATE = GOOD_HEADER.replace(b'"b.weight"', b'"a.weight"')
NESTED = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

MALFORMED = {
    "empty": b"",
    "seven bytes": b"\0" * 7,
    "length only": (5).to_bytes(8, "little"),
    "length 2^63": (1 << 63).to_bytes(8, "little") + b"{}",
    "length over the cap": (100_000_001).to_bytes(8, "little") + b"{" + b" " * 64,
    "length over the file": (1000).to_bytes(8, "little") + b"{}",
    "zero length": (0).to_bytes(8, "little"),
    "not JSON": safetensors(b"{nope}", b""),
    "not an object": safetensors(b"[1, 2]", b""),
    "leading blank": safetensors(b" {}", b""),
    "bytes after the JSON": safetensors(b"{}x", b""),
    "invalid UTF-8": safetensors(b'{"\xff": 1}', b""),
    "deep nesting": safetensors(NESTED, b""),
    "huge integer": safetensors(b'{"a": ' + b"9" * 5000 + b"}", b""),
    "duplicate key": safetensors(DUPLICATE, bytes(24)),
    "duplicate field": safetensors(
        b'{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', b"\0"
    ),
    "duplicate metadata": safetensors(b'{"__metadata__":{},"__metadata__":{}}', b""),
    "metadata not strings": safetensors(b'{"__metadata__":{"a":1}}', b""),
    "metadata a list": safetensors(b'{"__metadata__":[]}', b""),
    "truncated data": good_file()[:-1],
    "trailing bytes": good_file() + b"\0",
    "overlap": safetensors(
        header_bytes({"a": ("U8", [4], [0, 4]), "b": ("U8", [4], [2, 6])}), bytes(6)
    ),
    "same bytes twice": safetensors(
        header_bytes({"a": ("U8", [4], [0, 4]), "b": ("U8", [4], [0, 4])}), bytes(4)
    ),
    "hole": safetensors(
        header_bytes({"a": ("U8", [4], [0, 4]), "b": ("U8", [4], [5, 9])}), bytes(9)
    ),
    "hole at the start": one("U8", [4], [1, 5], bytes(5)),
    "backwards": one("U8", [4], [4, 0], bytes(4)),
    "negative offset": one("U8", [4], [-4, 0], bytes(4)),
    "negative dimension": one("U8", [-4], [0, 4], bytes(4)),
    "three offsets": one("U8", [4], [0, 4, 4], bytes(4)),
    "fractional offset": one("U8", [4], [0, 4.0], bytes(4)),
    "boolean dimension": one("U8", [True], [0, 1], bytes(1)),
    "textual dimension": one("U8", ["4"], [0, 4], bytes(4)),
    "shape does not fit": one("F32", [3], [0, 8], bytes(8)),
    "product overflows": one("U8", [1 << 32, 1 << 32, 1 << 32], [0, 0], b""),
    "absurd empty shape": one("U8", [0, 1 << 60], [0, 0], b""),
    "rank over the cap": one("U8", [1] * 9, [0, 1], b"\0"),
    "unknown dtype": one("F128", [1], [0, 16], bytes(16)),
    "dtype not text": one("U8", [1], [0, 1], b"\0").replace(b'"U8"', b"1234"),
    "missing field": safetensors(b'{"a":{"dtype":"U8","shape":[0]}}', b""),
    "extra field": safetensors(
        b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"code":"x"}}', b""
    ),
    "tensor not an object": safetensors(b'{"a": 3}', b""),
    **{
        f"name {name!r}": one("U8", [1], [0, 1], b"\0", name)
        for name in (
            "",
            "../a",
            "a..b",
            "a/b",
            "a\0b",
            "a\u202eb",
            "a b",
            ".a",
            "-a",
            "x" * 600,
            "é",
        )
    },
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_files_are_refused(data: bytes) -> None:
    with pytest.raises(SafetyRefusal) as refusal:
        read_header(data, label="model.safetensors")
    assert refusal.value.code == "E202"
    assert "`model.safetensors`" in refusal.value.message
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 400


WELL_FORMED = {
    "two tensors": good_file(),
    "no tensor": safetensors(b"{}", b""),
    "padded header": safetensors(b"{}      ", b""),
    "metadata": safetensors(b'{"__metadata__":{"format":"pt"}}', b""),
    "scalar": one("F64", [], [0, 8], bytes(8)),
    "empty tensor": one("F32", [0, 7], [0, 0], b""),
    "out of order": safetensors(
        header_bytes({"b": ("U8", [4], [4, 8]), "a": ("U8", [4], [0, 4])}), bytes(8)
    ),
    "usual name": one("U8", [1], [0, 1], b"\0", "model.layers.0.self_attn.q_proj.weight"),
}


@pytest.mark.parametrize("data", WELL_FORMED.values(), ids=WELL_FORMED.keys())
def test_well_formed_files_are_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    assert read_header(fd) == read_header(data)
    os.close(fd)


def test_tensors_come_with_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(good_file())
    fd = os.open(path, os.O_RDONLY)
    header = read_header(fd)
    got = {
        tensor.name: (tensor.dtype, tensor.shape, bytes(raw))
        for tensor, raw in iter_tensors(fd, header)
    }
    assert got == {
        "a.weight": ("F32", (2, 2), bytes(range(16))),
        "b.weight": ("F16", (4,), bytes(range(16, 24))),
    }
    os.truncate(path, 60)
    with pytest.raises(SafetyRefusal) as refusal:
        read_tensor(fd, header.tensors[-1])
    assert refusal.value.code == "E209"
    os.close(fd)


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, TensorSpec]:
    """Tensors that fill a file exactly, in any order of the header."""
    names = draw(
        st.lists(
            st.from_regex(r"[a-z]{1,4}(\.[a-z0-9]{1,3}){0,2}", fullmatch=True),
            unique=True,
            max_size=6,
        )
    )
    rows, position = {}, 0
    for name in names:
        dtype = draw(st.sampled_from(sorted(DTYPE_BYTES)))
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        size = DTYPE_BYTES[dtype]
        for dim in shape:
            size *= dim
        rows[name] = (dtype, shape, [position, position + size])
        position += size
    return dict(draw(st.permutations(list(rows.items()))))


@given(layouts())
def test_every_exact_layout_is_read(rows: dict[str, TensorSpec]) -> None:
    size = max((end for _, _, (_, end) in rows.values()), default=0)
    header = read_header(safetensors(header_bytes(rows), bytes(size)))
    assert {t.name: list(t.shape) for t in header.tensors} == {n: r[1] for n, r in rows.items()}


@given(st.data())
def test_any_other_byte_count_is_refused(data: st.DataObject) -> None:
    whole = good_file()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(SafetyRefusal):
        read_header(whole[:cut])
    with pytest.raises(SafetyRefusal):
        read_header(whole + data.draw(st.binary(min_size=1, max_size=9)))


@given(st.binary(max_size=200))
def test_noise_never_escapes_as_anything_else(noise: bytes) -> None:
    """Ninety-odd bytes that are no JSON object: whatever they are, one code comes back."""
    with pytest.raises(SafetyRefusal) as refusal:
        read_header(len(noise).to_bytes(8, "little") + b"\xff" + noise)
    assert refusal.value.code == "E202"
