"""A model without the last layer of its head: what it gives are the states where that begins.

Masked and sequence-to-sequence models do more between body and head than hidden states show
(a transform, a scale), so they are run whole, with the layer that makes logits exchanged for one
that passes on what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from invarlock.errors import SafetyRefusal


@contextmanager
def headless(model: Any) -> Iterator[None]:
    """Inside, the logits of ``model`` are the input of its last layer.

    Raises :class:`SafetyRefusal` E210 where the model names no such layer.
    """
    import torch

    own = model.get_output_embeddings()
    places = [
        (parent, name)
        for parent in model.modules()
        for name, child in parent.named_children()
        if child is own
    ]
    if own is None or not places:
        raise SafetyRefusal(
            "E210", "the model has no output layer of its own", "use a language model"
        )
    passing = torch.nn.Identity()
    for parent, name in places:
        setattr(parent, name, passing)
    try:
        yield
    finally:
        for parent, name in places:
            setattr(parent, name, own)
