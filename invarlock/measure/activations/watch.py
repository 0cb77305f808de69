"""Hooks on the layers of a body: what each puts out in one pass becomes a record, and is let go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import log, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from invarlock.canonical import NANO
from invarlock.evidence.blocks import POST_NORMS
from invarlock.evidence.families import family_of
from invarlock.evidence.layout import Layout
from invarlock.evidence.schema import Activation
from invarlock.measure.activations.edge import look
from invarlock.measure.tasks.causal_lm import CausalFeed

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.utils.hooks import RemovableHandle
    from transformers import PreTrainedModel


def watched_layers(model: PreTrainedModel) -> dict[str, Module]:
    """The layers of the body that hold a matrix, linear ones and embeddings, and the norms that
    stand between a block and the stream, by name."""
    import torch
    from transformers.pytorch_utils import Conv1D

    kinds = (torch.nn.Linear, torch.nn.Embedding, Conv1D)
    library: Any = model
    head = library.get_output_embeddings()
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, kinds) and layer is not head
    } | {
        f"{name}.{norm}": layer.get_submodule(norm)
        for name, layer in model.named_modules()
        for norms in POST_NORMS
        if set(norms) <= {child for child, _ in layer.named_children()}
        for norm in norms
    }


@dataclass(slots=True)
class Watch:
    """What the layers of ``model`` put out for the windows of ``layout``, where its next pass
    begins with them.

    Of a layer that puts out something else than features for every token (one expert of many, or
    positions alone) there is no record.

    Attributes:
        guarded: nanoseconds that the pass watched took.
        bare: nanoseconds that later passes over batches of the same shape took.
    """

    model: PreTrainedModel
    layout: Layout
    guarded: list[int] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    _batch: tuple[int, int] = (0, 0)
    _now: tuple[int, int] = (0, 0)
    _begun: int = 0
    _records: dict[str, Activation] = field(default_factory=dict)
    _handles: list[RemovableHandle] = field(default_factory=list)
    _timers: list[RemovableHandle] = field(default_factory=list)

    @property
    def records(self) -> tuple[Activation, ...]:
        """One for each layer, by name."""
        return tuple(self._records[name] for name in sorted(self._records))

    @contextmanager
    def next_pass(self) -> Iterator[None]:
        """Watch the first pass inside that has all windows, and time those like it."""
        for name, layer in watched_layers(self.model).items():
            self._handles.append(layer.register_forward_hook(self._taker(name)))
        body: Any = self.model.base_model
        self._timers += [
            body.register_forward_pre_hook(self._begin, with_kwargs=True),
            body.register_forward_hook(lambda *_: self._end()),
        ]
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Watch and time no more."""
        self._stop()
        while self._timers:
            self._timers.pop().remove()

    def make_sure(self) -> None:
        """Run the pass that is to be watched, unless there was one."""
        if not self.guarded:
            self.run()

    def run(self) -> None:
        """A pass over the windows alone. Raises as the feed does."""
        import torch

        with torch.inference_mode():
            CausalFeed().states(self.model, self.layout)

    def _begin(self, _body: Module, _inputs: Any, named: dict[str, Any]) -> None:
        windows, tokens = named["input_ids"].shape
        self._now = (windows, tokens)
        self._batch = self._batch if self.guarded else self._now
        self._begun = self._clock()

    @property
    def _whole(self) -> bool:
        return self._now[0] >= len(self.layout)

    def _end(self) -> None:
        took = self._clock() - self._begun
        if not self.guarded and self._whole:
            self._stop()
            self.guarded.append(took)
        elif self.guarded and self._now == self._batch:
            self.bare.append(took)

    def _clock(self) -> int:
        """Nanoseconds, once the devices have done what they were given: they run behind."""
        import torch

        if self.model.device.type != "cpu":
            for index in range(torch.accelerator.device_count()):
                torch.accelerator.synchronize(index)
        return time.perf_counter_ns()

    def _stop(self) -> None:
        while self._handles:
            self._handles.pop().remove()

    def _taker(self, name: str) -> Any:
        def take(_layer: Module, _inputs: tuple[Any, ...], output: Any) -> None:
            shape: tuple[int, ...] = getattr(output, "shape", ())
            # Some architectures lay the windows end to end for a layer.
            if name not in self._records and self._whole and prod(shape[:-1]) == prod(self._batch):
                self._records[name] = self._record(name, output.reshape(*self._batch, -1))

        return take

    def _record(self, name: str, output: Tensor) -> Activation:
        """The record of one layer's ``output``, (windows, tokens, features), from where it
        predicts the scored tokens."""
        at = self.layout.owners, self.layout.positions.astype(np.int64) - 1
        rows = output[at].float().cpu()
        half = int(self.layout.offsets[max(1, len(self.layout) // 2)])
        seen = look(rows, half)
        measured = seen.finite and seen.risk > 0
        spectrum = "non_finite" if not seen.finite else "measured" if measured else "zero"
        return Activation.model_validate(
            {
                "name": name,
                "family": family_of(name),
                "tokens": rows.shape[0],
                "features": rows.shape[1],
                "spectrum": spectrum,
                "risk": round(seen.risk * NANO) if measured else None,
                "log_spread": round(log(seen.spread) * NANO) if measured and seen.spread else None,
            }
        )
