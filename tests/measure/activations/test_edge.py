"""The edge risk is one for noise and more for a direction, blind to scale and mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from invarlock.measure.activations.edge import look


def draw(tokens: int, features: int, seed: int = 0) -> torch.Tensor:
    noise = np.random.default_rng(seed).normal(size=(tokens, features))
    return torch.from_numpy(noise.astype(np.float32))


@pytest.mark.parametrize("shape", [(1016, 576), (600, 1200), (1016, 64)])
def test_noise_lies_at_the_edge(shape: tuple[int, int]) -> None:
    assert look(draw(*shape), shape[0] // 2).risk == pytest.approx(1.0, abs=0.02)


def test_a_direction_lies_beyond_it() -> None:
    noise = draw(600, 300)
    loud = noise + 0.5 * draw(600, 1, seed=1) @ torch.ones(1, 300)
    assert look(loud, 300).risk > 1.5 * look(noise, 300).risk


def test_the_risk_is_that_of_the_definition() -> None:
    outputs = draw(90, 40).double().numpy() @ np.random.default_rng(2).normal(size=(40, 40)) + 3.0
    whitened = (outputs - outputs.mean(0)) / outputs.std(0)
    top = np.linalg.svd(whitened, compute_uv=False)[0]
    seen = look(torch.from_numpy(outputs.astype(np.float32)), 45)
    assert seen.risk == pytest.approx(top / (np.sqrt(90) + np.sqrt(40)), rel=1e-5)
    far = np.linalg.norm(outputs[:45] - outputs.mean(0), axis=1)
    near = outputs[:45][np.argsort(far)[:41]]
    assert seen.spread == pytest.approx(np.sort(near.std(0))[19], rel=1e-5)


def test_scale_and_mean_move_the_spread_alone() -> None:
    plain = draw(400, 300)
    moved = look(plain * 1.25 + 7.0, 200)
    assert moved.risk == pytest.approx(look(plain, 200).risk, rel=1e-5)
    assert moved.spread == pytest.approx(1.25 * look(plain, 200).spread, rel=1e-4)


def test_a_few_enormous_tokens_leave_the_spread_alone() -> None:
    """The first token of a window often is: whether it stays so tells nothing of the others."""
    plain = draw(400, 300)
    loud = plain.clone()
    loud[::50] = 300 * loud[::50] + 40
    assert look(loud, 200).spread == pytest.approx(look(plain, 200).spread, rel=0.02)
    assert look(loud * 1.25, 200).spread == pytest.approx(1.25 * look(loud, 200).spread, rel=1e-4)
    loud[::5] = loud[0]
    assert look(loud, 200).spread > 2 * look(plain, 200).spread


def test_features_that_stand_still_count_as_nothing() -> None:
    plain = draw(400, 30)
    still = torch.cat([plain, torch.full((400, 10), 0.1), torch.zeros(400, 10)], dim=1)
    ratio = (np.sqrt(400) + np.sqrt(30)) / (np.sqrt(400) + np.sqrt(50))
    assert look(still, 200).risk == pytest.approx(look(plain, 200).risk * ratio, rel=1e-5)
    assert look(torch.full((400, 300), 0.1), 200).risk == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_or_has_no_finite_square_has_no_risk(value: float) -> None:
    outputs = draw(50, 20)
    outputs[3, 4] = value
    assert not look(outputs, 25).finite
    assert look(draw(50, 20), 25).finite
