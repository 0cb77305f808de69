"""Matrix products in float32, by oneDNN where PyTorch has it.

PyTorch's own choice on x86, MKL, leaves a quarter of the speed of some processors unused; oneDNN,
which PyTorch carries too, does not. Both multiply and add in float32, in an order of their own.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


def product(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``rows @ weight.T + bias``: rows (…, k), weight (n, k), bias (n,), all float32 on the CPU."""
    import torch

    if not _has_onednn():
        return torch.nn.functional.linear(rows, weight, bias)
    out: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return out


def use_products(model: Module) -> None:
    """Let every plain linear layer of a float32 ``model`` multiply by :func:`product`.

    Layers of any other class, which may do more than multiply, are left as they are.
    """
    import torch

    class Linear(torch.nn.Linear):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the library's word
            return product(input, self.weight, self.bias)

    for layer in model.modules():
        if type(layer) is torch.nn.Linear and layer.weight.dtype == torch.float32:
            layer.__class__ = Linear


@cache
def _has_onednn() -> bool:
    import torch

    return hasattr(torch.ops.mkldnn, "_linear_pointwise")
