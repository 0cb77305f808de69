"""What null edits do to a model: three kinds, each drawn anew from a seed.

cast      a random half of the matrices rounded to bfloat16 or float16 and back, as storing and
          loading in another dtype does
noise     every weight of every matrix moved by up to 2**-9 of its size, drawn evenly: half of what
          rounding to bfloat16 may do
reorder   the units between two feed-forward matrices in another order, the same in both: in exact
          arithmetic the same function; sums come out in another order
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from invarlock.artifacts.safetensors_header import TensorEntry
from invarlock.measure.job import NullEdit, NullKind

Stored = NDArray[Any]
"""A tensor as it is stored; bfloat16 as uint16."""

SHARE: Final = 2.0**-9
"""Half of the unit roundoff of bfloat16, whose significand has eight bits."""

_MATRIX: Final = 2
_FLOATS: Final = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}
_CASTS: Final = {"F64": ("BF16", "F16"), "F32": ("BF16", "F16"), "F16": ("BF16",)}
"""Dtypes that a dtype loses something by being cast to."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Modules into the units and out of them, by the last word of their names. ``rows``: units are
    rows of the first (else columns, as GPT-2 stores them)."""

    inward: tuple[str, ...]
    outward: str
    rows: bool = True


_PAIRS: Final = (
    _Pair(("gate_proj", "up_proj"), "down_proj"),
    _Pair(("w1", "w3"), "w2"),
    _Pair(("fc1",), "fc2"),
    _Pair(("fc_in",), "fc_out"),
    _Pair(("wi_0", "wi_1"), "wo"),
    _Pair(("dense_h_to_4h",), "dense_4h_to_h"),
    _Pair(("c_fc",), "c_proj", rows=False),
)
_MODULE: Final = re.compile(r"(?P<place>.+)\.(?P<word>[^.]+)\.(?P<part>weight|bias)")


def draws(seed: int, name: str) -> np.random.Generator:
    """A generator for one tensor or place, whatever the order they come in."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


class Change:
    """A null edit of one model, whose tensors are known by name.

    ``kind`` is the one asked for, or ``noise`` where that changes nothing in this model: a cast of
    tensors that are bfloat16 already, or feed-forward blocks whose names are not known.
    """

    def __init__(self, edit: NullEdit, tensors: Mapping[str, TensorEntry]) -> None:
        self._seed = edit.seed
        self._tensors = tensors
        self._orders = _orders(edit.seed, tensors) if edit.kind == "reorder" else {}
        castable = any(_is_matrix(t) and t.dtype in _CASTS for t in tensors.values())
        idle = {"reorder": not self._orders, "cast": not castable, "noise": False}
        self.kind: NullKind = "noise" if idle[edit.kind] else edit.kind

    def __call__(self, name: str, raw: bytes | bytearray) -> bytes | None:
        """The changed bytes of a tensor, or ``None`` where it stays as it is."""
        entry = self._tensors[name]
        make = {"reorder": self._reordered, "cast": self._cast, "noise": self._noisy}
        return make[self.kind](entry, raw)

    def _reordered(self, entry: TensorEntry, raw: bytes | bytearray) -> bytes | None:
        order, axis = self._orders.get(entry.name, (None, 0))
        if order is None:
            return None
        stored = np.frombuffer(raw, dtype=f"V{len(raw) // _size(entry)}").reshape(entry.shape)
        return np.ascontiguousarray(np.take(stored, order, axis=axis)).tobytes()

    def _cast(self, entry: TensorEntry, raw: bytes | bytearray) -> bytes | None:
        rng = draws(self._seed, entry.name)
        chosen, turn = rng.random() < 0.5, int(rng.integers(2))
        casts = _CASTS.get(entry.dtype, ())
        if not chosen or not casts or not _is_matrix(entry):
            return None
        target = casts[turn % len(casts)]
        return encode(decode(encode(decode(raw, entry.dtype), target), target), entry.dtype)

    def _noisy(self, entry: TensorEntry, raw: bytes | bytearray) -> bytes | None:
        if not _is_matrix(entry) or entry.dtype not in {*_FLOATS, "BF16"}:
            return None
        weight = decode(raw, entry.dtype)
        weight *= 1 + SHARE * draws(self._seed, entry.name).uniform(-1, 1, weight.shape)
        return encode(weight, entry.dtype)


def decode(raw: bytes | bytearray, dtype: str) -> NDArray[np.float64]:
    """Numbers of a floating dtype as float64, exactly."""
    if dtype == "BF16":
        half = np.frombuffer(raw, dtype="<u2").astype("<u4")
        return (half << np.uint32(16)).view("<f4").astype(np.float64)
    return np.frombuffer(raw, dtype=_FLOATS[dtype]).astype(np.float64)


def encode(numbers: NDArray[np.float64], dtype: str) -> bytes:
    """Numbers in a floating dtype, rounded half to even (bfloat16 by way of float32)."""
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float16 they are infinite
        if dtype != "BF16":
            return numbers.astype(_FLOATS[dtype]).tobytes()
        bits = numbers.astype("<f4").view("<u4")
    even = (bits >> np.uint32(16)) & np.uint32(1)
    rounded = (bits + np.uint32(0x7FFF) + even) >> np.uint32(16)
    return np.where(np.isfinite(numbers), rounded, bits >> np.uint32(16)).astype("<u2").tobytes()


def _size(entry: TensorEntry) -> int:
    size = 1
    for side in entry.shape:
        size *= side
    return max(1, size)


def _is_matrix(entry: TensorEntry) -> bool:
    return len(entry.shape) >= _MATRIX


_Order = tuple[NDArray[np.int64], Literal[0, 1]]


def _orders(seed: int, tensors: Mapping[str, TensorEntry]) -> dict[str, _Order]:
    """For every tensor that has units to reorder: their new order, and along which axis."""
    words: dict[str, dict[str, dict[str, TensorEntry]]] = {}
    for name, entry in tensors.items():
        found = _MODULE.fullmatch(name)
        if found is not None:
            modules = words.setdefault(found["place"], {})
            modules.setdefault(found["word"], {})[found["part"]] = entry
    out: dict[str, _Order] = {}
    for place, modules in words.items():
        for pair in _PAIRS:
            out |= _paired(pair, modules, draws(seed, place))
    return out


def _paired(
    pair: _Pair, modules: Mapping[str, Mapping[str, TensorEntry]], rng: np.random.Generator
) -> dict[str, _Order]:
    """The orders of one pair; none where its modules are absent or do not fit each other."""
    inward, outward = [modules.get(word) for word in pair.inward], modules.get(pair.outward)
    weights = [parts.get("weight") if parts else None for parts in (*inward, outward)]
    if outward is None or any(w is None or len(w.shape) != _MATRIX for w in weights):
        return {}
    into: Literal[0, 1] = 0 if pair.rows else 1
    out_of: Literal[0, 1] = 1 if pair.rows else 0
    units = {w.shape[into] for w in weights[:-1] if w is not None}
    last = weights[-1]
    if last is None or units != {last.shape[out_of]}:
        return {}
    known = {*pair.inward, pair.outward}
    others = (entry for word, parts in modules.items() if word not in known
              for entry in parts.values())  # fmt: skip
    if any(last.shape[out_of] in entry.shape for entry in others):
        return {}  # such as a norm between the two, whose weights belong to the units as well
    order = rng.permutation(last.shape[out_of])
    orders: dict[str, _Order] = {last.name: (order, out_of)}
    for parts in inward:
        for part, entry in (parts or {}).items():
            orders[entry.name] = (order, into if part == "weight" else 0)
    return orders
