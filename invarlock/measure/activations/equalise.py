"""The baseline's scales lent to a subject: what each block adds is made to spread as it did.

A block of attention or feed-forward adds its output to the residual stream. An edit that makes all
of it larger or smaller leaves directions alone and shifts the weight between blocks. Multiplied by
the ratio of spreads (:func:`invarlock.evidence.activations.scales_between`), the output is as large
as the baseline's again; what the log-loss gains by that is what the shift costs. Nothing is
edited: the scales last for a pass, and are a proposal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import exp
from typing import TYPE_CHECKING, Any

from invarlock.evidence.activations import scales_between
from invarlock.evidence.schema import Activation
from invarlock.measure.activations.watch import watched_layers

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel


def scales(baseline: Sequence[Activation], subject: Sequence[Activation]) -> dict[str, float]:
    """By what to multiply the outputs of each last layer of a block, by name, where both arms
    have it."""
    found = scales_between(baseline, subject)
    return {name: exp(scale) for name, scale in found.items()}


@contextmanager
def equalised(model: PreTrainedModel, by: Mapping[str, float]) -> Iterator[None]:
    """The outputs of the layers of ``model`` multiplied ``by`` name, for passes inside."""
    layers = watched_layers(model)
    handles = [layers[name].register_forward_hook(_scaler(scale)) for name, scale in by.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _scaler(scale: float) -> Any:
    def multiply(_layer: Module, _inputs: Any, output: Tensor) -> Tensor:
        return output * scale

    return multiply
