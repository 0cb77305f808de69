"""Whether a model predicts from the past alone, shown by its behaviour.

A configuration can turn the causal mask off in more ways than a list of keys can name, and a model
that sees the token it is to predict has a log-loss of nothing. So the second half of a window is
exchanged, and no hidden state of the first half may move.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from invarlock.errors import SafetyRefusal
from invarlock.evidence.model import Layout, UInt32s
from invarlock.measure.head import hidden_states

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from invarlock.measure.tasks.protocol import Feed

_TOLERANCE: Final = 1e-5
"""Relative to the largest state: float32 rounding, far below what a later token tells."""


def check_causal(model: PreTrainedModel, tokens: UInt32s) -> None:
    """Compare two windows that share their first half.

    ``tokens`` are those of a scheduled window, (length,). Raises :class:`SafetyRefusal` E210 when a
    state of the first half depends on the second.
    """
    import torch

    first = tokens.astype(np.int64)
    other = first.copy()
    half = len(first) // 2
    other[half:] = np.roll(first, 1)[half:][::-1]
    if bool((other == first).all()):
        other[half:] = first[0]
    with torch.inference_mode():
        # One by one: rows of one batch may go through different kernels.
        one, two = (
            hidden_states(model, torch.from_numpy(ids[None]))[0, :half] for ids in (first, other)
        )
    _check_unmoved(one, two)


def check_decoder(feed: Feed, model: PreTrainedModel, window: Layout) -> None:
    """The same of a decoder: the second half of a target is exchanged, and nothing that predicts
    the first half may move.

    ``window`` is one window of which the last tokens, its rows, are the target. Raises
    :class:`SafetyRefusal` E210.
    """
    import torch

    rows = window.rows
    half = rows // 2
    tokens = window.tokens.copy()
    target = tokens[len(tokens) - rows :]
    target[half:] = np.roll(target, 1)[half:][::-1]
    if np.array_equal(tokens, window.tokens):
        target[half:] = tokens[0]
    other = replace(window, tokens=tokens)
    with torch.inference_mode():
        one, two = (feed.logits(model, each)[: half + 1] for each in (window, other))
    _check_unmoved(one, two)


def _check_unmoved(one: Tensor, two: Tensor) -> None:
    import torch

    scale = float(torch.nan_to_num(one, posinf=0.0, neginf=0.0).abs().max())
    if not torch.allclose(one, two, rtol=0.0, atol=_TOLERANCE * scale, equal_nan=True):
        raise SafetyRefusal(
            "E210",
            "the model sees later tokens: its hidden states depend on what it is to predict",
            "evaluate a causal language model",
        )
