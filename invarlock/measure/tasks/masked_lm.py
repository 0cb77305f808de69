"""Masked language models: runs of text, some tokens behind masks that seed and content choose.

A masked token's loss is −ln p(token | the run with all its masks), a pseudo-log-loss as in Salazar
et al., *Masked Language Model Scoring* (2020), with 15% masked at once as the models were trained
(Devlin et al., BERT, 2019, section 3.1), so that a window costs one pass. Every chosen token is
masked; none is kept or exchanged, as that would show it to the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from invarlock.canonical import Json
from invarlock.evidence.layout import Layout, UInt32s
from invarlock.evidence.masks import mask_positions
from invarlock.evidence.schema import Digest
from invarlock.measure.ingest import Document
from invarlock.measure.tasks.causal_lm import filled, runs
from invarlock.measure.tasks.fields import text
from invarlock.measure.tasks.headless import headless
from invarlock.measure.tasks.protocol import Piece
from invarlock.measure.tokenizer import Frame, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class MaskedFeed:
    """Runs between the special tokens of the arm's own tokenizer, with its own mask."""

    frame: Frame
    mask: int

    def states(self, model: Any, part: Layout) -> Tensor:
        """See :class:`~invarlock.measure.tasks.protocol.Feed`."""
        from invarlock.measure.head import forwarded

        with headless(model):
            return self._rows(forwarded(model, input_ids=self._ids(part)), part)

    def logits(self, model: Any, window: Layout) -> Tensor:
        """See :class:`~invarlock.measure.tasks.protocol.Feed`."""
        from invarlock.measure.head import forwarded

        return self._rows(forwarded(model, input_ids=self._ids(window)), window).float()

    def _ids(self, part: Layout) -> Tensor:
        import torch

        ids = filled(part)
        ids[part.owners, part.positions.astype(np.int64)] = self.mask
        return torch.from_numpy(framed(ids, self.frame))

    def _rows(self, output: Tensor, part: Layout) -> Tensor:
        import torch

        places = part.positions.astype(np.int64) + len(self.frame.before)
        return output[torch.from_numpy(part.owners), torch.from_numpy(places)]


def framed(ids: np.ndarray[Any, np.dtype[np.int64]], frame: Frame) -> np.ndarray[Any, Any]:
    """Token ids, (windows, length), between special tokens."""
    before, after = (
        np.tile(np.array(side, dtype=np.int64), (len(ids), 1))
        for side in (frame.before, frame.after)
    )
    return np.concatenate([before, ids, after], axis=1)


@dataclass(frozen=True, slots=True)
class MaskedLM:
    """Windows of ``length`` tokens, special ones not counted, of which ``masked`` are masked."""

    length: int
    masked: int
    keys: ClassVar[frozenset[str]] = frozenset({"text"})
    models: ClassVar[str] = "MASKED_LM"

    def parse(self, line: Mapping[str, Json]) -> str:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return text(line, "text")

    def pieces(self, documents: Sequence[Document[str]], tokenizer: Tokenizer) -> list[list[Piece]]:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return [
            [Piece(start, run, None) for start, run in runs(ids, self.length)]
            for ids in tokenizer.encode([document.content for document in documents])
        ]

    def positions(self, piece: Piece, window: Digest, seed: Digest) -> UInt32s:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return mask_positions(seed, window, self.length, self.masked)

    def longest(self, tokenizer: Tokenizer) -> int:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return self.length + tokenizer.frame.size

    def feed(self, tokenizer: Tokenizer, config: Any) -> MaskedFeed:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return MaskedFeed(tokenizer.frame, tokenizer.role("mask_token"))
