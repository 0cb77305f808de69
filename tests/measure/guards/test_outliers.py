"""Outliers of the Marchenko–Pastur bulk: none in noise, and those that were planted."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from invarlock.evidence.schema import OutliersContract
from invarlock.measure.guards.outliers import bulk_median, count_outliers

Array = np.ndarray[Any, Any]


def count(matrix: Array) -> int:
    squares = np.linalg.svd(matrix, compute_uv=False)[::-1] ** 2
    return count_outliers(squares, *matrix.shape, OutliersContract())


def noise(rows: int, columns: int, seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, columns))


@pytest.mark.parametrize("beta", [1.0, 0.5, 0.1, 0.02])
def test_the_median_of_the_law(beta: float) -> None:
    squares = np.linalg.svd(noise(600, round(600 * beta), 1), compute_uv=False) ** 2 / 600
    assert abs(bulk_median(beta) / float(np.median(squares)) - 1) < 0.03


@pytest.mark.parametrize("shape", [(120, 80), (80, 120), (64, 64), (400, 30)])
def test_noise_has_no_outliers_whatever_its_scale(shape: tuple[int, int]) -> None:
    found = [count(noise(*shape, seed) * 10.0 ** (seed % 7 - 3)) for seed in range(60)]
    assert sum(number > 0 for number in found) <= 1, "one in a thousand by the margin's definition"


@pytest.mark.parametrize("shape", [(120, 80), (80, 120), (400, 30)])
def test_planted_directions_are_counted(shape: tuple[int, int]) -> None:
    base = noise(*shape, 3)
    draw = np.random.default_rng(4)
    edge = sqrt(shape[0]) + sqrt(shape[1])
    for planted in (1, 3):
        left, _ = np.linalg.qr(draw.normal(size=(shape[0], planted)))
        right, _ = np.linalg.qr(draw.normal(size=(shape[1], planted)))
        assert count(base + 2 * edge * left @ right.T) == planted
        assert count(base + 0.1 * edge * left @ right.T) == 0, "inside the bulk nothing shows"


def test_a_matrix_without_a_bulk_is_all_outliers() -> None:
    left, right = noise(60, 5, 1), noise(5, 40, 2)
    assert count(left @ right) == 5
    assert count(np.ones((60, 40))) == 1
