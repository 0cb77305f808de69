"""How large a model is, from its headers and its configuration alone."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final

from invarlock.artifacts.model_files import ModelFiles
from invarlock.canonical import Json
from invarlock.measure.job import ModelSize

_WIDTH: Final = ("hidden_size", "n_embd", "d_model")
_CAP: Final = 2**40 - 1


def size_of(files: ModelFiles) -> ModelSize:
    """The size of an opened model. Sizes that make no sense are cut off: they plan, no more."""
    counts = [prod(tensor.shape) for tensor in files.tensors.values()]
    return ModelSize(
        parameters=sum(counts),
        largest=max((t.end - t.start for t in files.tensors.values()), default=0),
        vocabulary=_number(files.config, ("vocab_size",)),
        width=_number(files.config, _WIDTH),
    )


def _number(config: Mapping[str, Json], keys: tuple[str, ...]) -> int:
    """The first of ``keys`` that is a sensible number, in the configuration of the text model
    where there is one of its own."""
    inner = config.get("text_config")
    own = inner if isinstance(inner, dict) else config
    for key in keys:
        value = own.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _CAP:
            return value
    return 0
