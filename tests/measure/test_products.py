"""Products by oneDNN: float32, the same bits again, and only where a layer does nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from invarlock.artifacts.model_files import open_model
from invarlock.measure.loading import load_model, read_config
from invarlock.measure.products import product, use_products

Linear = torch.nn.Linear
FLOAT32 = 1e-6
"""More than any order of summing in float32 errs by here (2.3e-7 was seen, by the processor), and
far less than sums of shorter numbers do (1e-4)."""


def error(found: torch.Tensor, rows: torch.Tensor, weight: torch.Tensor) -> float:
    """The largest error beside float64, over the sum of absolute products."""
    exact = rows.double() @ weight.double().T
    scale = rows.double().abs() @ weight.double().abs().T
    return float(((found.double() - exact).abs() / scale).max())


@pytest.mark.parametrize("shape", [(8, 16, 8), (127, 576, 192), (1, 3, 5), (128, 33, 1000)])
def test_a_product_is_as_good_as_the_library_s_own(shape: tuple[int, int, int]) -> None:
    count, width, out = shape
    source = torch.Generator().manual_seed(3)
    rows, weight, bias = (
        torch.randn(size, generator=source) for size in ((count, width), (out, width), (out,))
    )
    found = product(rows, weight, None)
    assert found.dtype == torch.float32
    plain = error(torch.nn.functional.linear(rows, weight), rows, weight)
    assert error(found, rows, weight) <= max(2 * plain, FLOAT32)
    assert torch.equal(found, product(rows.clone(), weight.clone(), None))
    with_bias = torch.nn.functional.linear(rows, weight, bias)
    assert torch.allclose(product(rows, weight, bias), with_bias, rtol=1e-5, atol=1e-4)


def test_numbers_that_are_not_finite_are_not_lost() -> None:
    rows, weight = torch.zeros(4, 32), torch.ones(8, 32)
    rows[1, 3], weight[5, 7] = torch.nan, torch.inf
    found = product(rows, weight, None)
    assert torch.isnan(found[1]).all()
    assert torch.isnan(found[:, 5]).all()
    assert torch.isfinite(found[[0, 2, 3]][:, :5]).all()


def test_every_plain_layer_of_a_loaded_model_is_replaced(tiny: Path) -> None:
    with open_model(tiny) as files:
        model = load_model(tiny, files, read_config(files)).model
    use_products(model)
    layers = [layer for layer in model.modules() if isinstance(layer, Linear)]
    assert len(layers) > 7
    assert all(type(layer) is not Linear for layer in layers)
    rows = torch.randn(2, 3, layers[0].in_features, generator=torch.Generator().manual_seed(1))
    plain = torch.nn.functional.linear(rows, layers[0].weight, layers[0].bias)
    with torch.inference_mode():
        assert torch.allclose(layers[0](rows), plain, rtol=1e-5, atol=1e-5)


def test_layers_that_do_more_than_multiply_are_left_alone() -> None:
    class Doubling(Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
            return 2 * super().forward(input)

    model = torch.nn.ModuleList([Doubling(4, 4), Linear(4, 4).double(), Linear(4, 4)])
    use_products(model)
    assert [type(layer) in {Linear, Doubling} for layer in model] == [True, True, False]
