"""One pass over the stored tensors of a model, each read for itself and then let go."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from math import frexp, log
from typing import Final

import numpy as np

from invarlock.artifacts.model_files import ModelFiles
from invarlock.artifacts.safetensors_header import TensorEntry, read_tensor
from invarlock.canonical import NANO
from invarlock.evidence.schema import Tensor
from invarlock.measure.guards.blocks import (
    Doubles,
    ReadTensor,
    as_matrix,
    column_blocks,
    row_blocks,
)
from invarlock.measure.guards.families import family_of
from invarlock.measure.guards.invariants import count_non_finite
from invarlock.measure.guards.spectral import gram, log_sigma
from invarlock.measure.job import EVERY, Shard

_MATRIX: Final = 2


def scan_model(model: ModelFiles) -> tuple[Tensor, ...]:
    """The records of all tensors of ``model``, sorted by name."""
    return tuple(scan_tensor(read, entry) for read, entry in _readers(model))


def scan_in_threads(
    pool: ThreadPoolExecutor, model: ModelFiles, shard: Shard = EVERY
) -> list[Future[Tensor]]:
    """The same in ``pool``, while the caller does other work: each tensor by one thread, so that
    a record does not depend on how many there are. ``shard`` says which tensors."""
    chosen = islice(_readers(model), shard.index, None, shard.count)
    return [pool.submit(scan_tensor, read, entry) for read, entry in chosen]


def scan_tensor(read: ReadTensor, entry: TensorEntry) -> Tensor:
    """The record of one tensor. Raises :class:`SafetyRefusal` E210 for an unknown dtype."""
    side = min(as_matrix(entry.shape))
    if len(entry.shape) < _MATRIX or side == 0:
        bad = sum(count_non_finite(block) for block in row_blocks(read, entry))
        return _record(entry, bad, "non_finite" if bad else "vector", None)
    by_rows = as_matrix(entry.shape)[1] == side
    count = _Counting()
    blocks = row_blocks(read, entry) if by_rows else column_blocks(read, entry)
    shift = _exponent(read, entry) if entry.dtype == "F64" else 0
    total = gram(count.watch(blocks, shift), side, rows=by_rows)
    if count.non_finite:
        return _record(entry, count.non_finite, "non_finite", None)
    value = log_sigma(total)
    if value is None:
        return _record(entry, 0, "zero", None)
    return _record(entry, 0, "measured", round((value + shift * log(2.0)) * NANO))


class _Counting:
    """Counts what is not finite while blocks pass, and keeps it out of the Gram matrix."""

    def __init__(self) -> None:
        self.non_finite = 0

    def watch(self, blocks: Iterator[Doubles], shift: int) -> Iterator[Doubles]:
        """The blocks, times 2**-shift; ones with NaN or infinity are counted and left out."""
        for block in blocks:
            bad = count_non_finite(block)
            self.non_finite += bad
            if not bad:
                yield np.ldexp(block, -shift) if shift else block


def _exponent(read: ReadTensor, entry: TensorEntry) -> int:
    """The binary exponent of the largest number: squares of float64 could overflow without it."""
    top = 0.0
    for block in row_blocks(read, entry):
        if block.size:
            top = max(top, float(np.max(np.abs(block), where=np.isfinite(block), initial=0.0)))
    return frexp(top)[1]


def _record(entry: TensorEntry, bad: int, spectrum: str, value: int | None) -> Tensor:
    return Tensor.model_validate(
        {
            "name": entry.name,
            "family": family_of(entry.name),
            "shape": entry.shape,
            "dtype": entry.dtype,
            "non_finite": bad,
            "spectrum": spectrum,
            "log_sigma": value,
        }
    )


def _readers(model: ModelFiles) -> Iterator[tuple[ReadTensor, TensorEntry]]:
    found = {
        entry.name: (shard, entry)
        for shard, head in model.headers.items()
        for entry in head.tensors
    }
    for name in sorted(found):
        shard, entry = found[name]
        fd = model.descriptors[shard]

        def read(part: TensorEntry, fd: int = fd, shard: str = shard) -> bytearray:
            return read_tensor(fd, part, label=shard)

        yield read, entry
