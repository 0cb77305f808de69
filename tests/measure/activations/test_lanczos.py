"""σ₁ is right to 1e-5 whatever lies below it, and costs no whole decomposition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from invarlock.measure.activations import lanczos
from invarlock.measure.activations.lanczos import BLOCK, STEPS, largest_singular_value


def matrix(spectrum: np.ndarray, rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    """A matrix of that shape with these singular values."""
    draw = np.random.default_rng(seed)
    left = np.linalg.qr(draw.normal(size=(rows, len(spectrum))))[0]
    right = np.linalg.qr(draw.normal(size=(columns, len(spectrum))))[0]
    return torch.from_numpy((left * spectrum @ right.T).astype(np.float32))


SHAPES = [(400, 300), (300, 400), (1016, 256)]
SPECTRA = {
    "one direction": np.array([50.0, *np.linspace(3.0, 1.0, 199)]),
    "a gap of a hundredth": np.array([10.1, *np.linspace(10.0, 1.0, 199)]),
    "a gap of 1e-4": np.array([10.001, 10.0, *np.linspace(9.0, 1.0, 198)]),
    "twenty as large as one another": np.array([10.0] * 20 + [9.99] * 30 + [1.0] * 150),
    "rank one": np.array([4.0]),
    "rank five": np.linspace(5.0, 4.9, 5),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SPECTRA)
def test_the_largest_singular_value(name: str, shape: tuple[int, int]) -> None:
    spectrum = SPECTRA[name]
    found = largest_singular_value(matrix(spectrum, *shape))
    assert found == pytest.approx(spectrum.max(), rel=1e-5)


def test_pure_noise_has_no_gap_and_is_right_all_the_same() -> None:
    noise = torch.from_numpy(np.random.default_rng(3).normal(size=(800, 400)).astype(np.float32))
    whole = np.linalg.svd(noise.double().numpy(), compute_uv=False)
    assert largest_singular_value(noise) == pytest.approx(whole[0], rel=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (BLOCK * STEPS, 500), (64, 64)])
def test_small_matrices_are_decomposed_whole(shape: tuple[int, int]) -> None:
    small = torch.from_numpy(np.random.default_rng(1).normal(size=shape).astype(np.float32))
    whole = np.linalg.svd(small.double().numpy(), compute_uv=False)
    assert largest_singular_value(small) == pytest.approx(whole[0], rel=1e-7)


@pytest.mark.parametrize("shape", [(5, 4), (300, 400)])
def test_a_zero_matrix(shape: tuple[int, int]) -> None:
    assert largest_singular_value(torch.zeros(shape)) == 0.0


def test_where_the_steps_do_not_suffice_the_whole_is_decomposed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = torch.from_numpy(np.random.default_rng(5).normal(size=(300, 260)).astype(np.float32))
    monkeypatch.setattr(lanczos, "TOLERANCE", 0.0)
    whole = np.linalg.svd(noise.double().numpy(), compute_uv=False)
    assert largest_singular_value(noise) == pytest.approx(whole[0], rel=1e-9)


def test_the_same_bits_again() -> None:
    noise = torch.from_numpy(np.random.default_rng(7).normal(size=(500, 300)).astype(np.float32))
    assert largest_singular_value(noise) == largest_singular_value(noise.clone())
