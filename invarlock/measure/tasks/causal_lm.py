"""Causal language models on running text: fixed-length runs, every token but the first scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from invarlock.canonical import Json
from invarlock.evidence.layout import Layout, UInt32s
from invarlock.evidence.schema import Digest
from invarlock.measure.ingest import Document
from invarlock.measure.tasks.fields import text
from invarlock.measure.tasks.protocol import Piece
from invarlock.measure.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor


class CausalFeed:
    """Windows side by side, shorter ones filled up at their end: a model that predicts from the
    past alone does not see that."""

    def states(self, model: Any, part: Layout) -> Tensor:
        """See :class:`~invarlock.measure.tasks.protocol.Feed`. The last token of a batch's longest
        windows predicts nothing that is scored, so it is not run."""
        import torch

        from invarlock.measure.head import hidden_states

        states = hidden_states(model, torch.from_numpy(filled(part)[:, :-1]))
        owners, before = part.owners, part.positions.astype(np.int64) - 1
        return states[torch.from_numpy(owners), torch.from_numpy(before)]

    def logits(self, model: Any, window: Layout) -> Tensor:
        """See :class:`~invarlock.measure.tasks.protocol.Feed`."""
        import torch

        from invarlock.measure.head import whole_logits

        before = torch.from_numpy(window.positions.astype(np.int64) - 1)
        return whole_logits(model, torch.from_numpy(filled(window)))[0].float()[before]


def filled(part: Layout, fill: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Token ids, (windows, longest), shorter windows filled up at their end."""
    within = np.arange(int(part.lengths.max())) < part.lengths[:, None]
    ids = np.full(within.shape, fill, dtype=np.int64)
    ids[within] = part.tokens
    return ids


@dataclass(frozen=True, slots=True)
class CausalLM:
    """Windows of ``length`` tokens; the tail of a document that fills none is left out."""

    length: int
    keys: ClassVar[frozenset[str]] = frozenset({"text"})
    models: ClassVar[str] = "CAUSAL_LM"

    def parse(self, line: Mapping[str, Json]) -> str:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return text(line, "text")

    def pieces(self, documents: Sequence[Document[str]], tokenizer: Tokenizer) -> list[list[Piece]]:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        every = np.arange(1, self.length, dtype="<u4")
        return [
            [Piece(start, run, every) for start, run in runs(ids, self.length)]
            for ids in tokenizer.encode([document.content for document in documents])
        ]

    def positions(self, piece: Piece, window: Digest, seed: Digest) -> UInt32s:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return np.arange(1, self.length, dtype="<u4")

    def longest(self, tokenizer: Tokenizer) -> int:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return self.length

    def feed(self, tokenizer: Tokenizer, config: Any) -> CausalFeed:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return CausalFeed()


def runs(ids: Sequence[int], length: int) -> list[tuple[int, UInt32s]]:
    """Whole runs of ``length`` tokens of a document, each with its offset."""
    whole = len(ids) // length
    rows = np.asarray(ids[: whole * length], dtype="<u4").reshape(whole, length)
    return [(row * length, rows[row]) for row in range(whole)]
