"""What edits do to one matrix: pure functions of numpy arrays, float32 in and out."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

SCRIPTS: Final = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from make_subjects import pruned  # noqa: E402  # the demo's own, so that both prune alike

__all__ = [
    "Float32",
    "draws",
    "low_rank_nudge",
    "noisy",
    "pruned",
    "rounded",
    "rows_exchanged",
    "truncated",
]

Float32 = npt.NDArray[np.float32]


def draws(seed: int, name: str) -> np.random.Generator:
    """A generator for one tensor of one edit, whatever the order they come in."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def rounded(weight: Float32, bits: int, group: int | None = None) -> Float32:
    """Symmetric rounding to nearest on ``2**bits - 1`` levels, one scale a row, or for every
    ``group`` weights of a row; back to float32.

    Raises ``ValueError`` where the groups do not divide a row.
    """
    rows, columns = weight.shape
    parts = weight.reshape(rows, -1, group or columns)
    top = np.float32(2 ** (bits - 1) - 1)
    step = np.abs(parts).max(axis=2, keepdims=True) / top
    step = np.where(step > 0, step, np.float32(1))  # zeros stay zeros
    levels = np.clip(np.rint(parts / step), -top, top)
    return np.asarray(levels * step, dtype=np.float32).reshape(rows, columns)


def noisy(weight: Float32, share: float, rng: np.random.Generator) -> Float32:
    """Gaussian noise added whose deviation is ``share`` of the matrix's root mean square."""
    size = np.sqrt(np.mean(np.square(weight, dtype=np.float64)))
    noise = rng.standard_normal(weight.shape, dtype=np.float32)
    return np.asarray(weight + np.float32(share * size) * noise, dtype=np.float32)


def truncated(weight: Float32, share: float) -> Float32:
    """The matrix of rank ``share`` of its smaller side that lies nearest in the Frobenius norm.

    A·V·Vᵀ with V the leading right singular vectors, from the smaller Gram matrix in float64
    (Eckart and Young, 1936).
    """
    matrix = weight.astype(np.float64)
    tall = matrix.shape[0] >= matrix.shape[1]
    gram = matrix.T @ matrix if tall else matrix @ matrix.T
    vectors = np.linalg.eigh(gram)[1]  # ascending
    kept = vectors[:, -max(1, round(share * gram.shape[0])) :]
    near = (matrix @ kept) @ kept.T if tall else kept @ (kept.T @ matrix)
    return near.astype(np.float32)


def low_rank_nudge(weight: Float32, rank: int, share: float, rng: np.random.Generator) -> Float32:
    """B·A added, of rank ``rank``, whose Frobenius norm is ``share`` of the matrix's: what a
    merged adapter does."""
    rows, columns = weight.shape
    nudge = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))
    nudge *= share * np.linalg.norm(weight) / np.linalg.norm(nudge)
    return np.asarray(weight + nudge, dtype=np.float32)


def rows_exchanged(weight: Float32, order: npt.NDArray[np.int64]) -> Float32:
    """The rows in another order."""
    return np.ascontiguousarray(weight[order])
