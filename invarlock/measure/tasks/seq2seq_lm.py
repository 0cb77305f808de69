"""Sequence-to-sequence models: a source, and a target that is scored token by token.

The target is teacher-forced: each of its tokens is predicted from the source and the target's
tokens before it. A window is one document: the source's tokens and after them the target's, either
cut off at the contract's length. Special tokens stand around both as the arm's own tokenizer puts
them; they are not scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from invarlock.canonical import Json
from invarlock.errors import SafetyRefusal
from invarlock.evidence.layout import Layout, UInt32s
from invarlock.evidence.schema import Digest
from invarlock.measure.ingest import Document
from invarlock.measure.tasks.fields import text
from invarlock.measure.tasks.headless import headless
from invarlock.measure.tasks.protocol import Piece
from invarlock.measure.tokenizer import Frame, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

_START: Final = "decoder_start_token_id"


@dataclass(frozen=True, slots=True)
class Pair:
    """What a document holds."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Seq2SeqFeed:
    """Sources side by side for the encoder, filled up and masked; targets for the decoder, which
    begin with the token ``start`` and are filled up at their end."""

    frame: Frame
    start: int
    fill: int

    def states(self, model: Any, part: Layout) -> Tensor:
        """See :class:`~invarlock.measure.tasks.protocol.Feed`."""
        with headless(model):
            return self._rows(self._run(model, part), part)

    def logits(self, model: Any, window: Layout) -> Tensor:
        """See :class:`~invarlock.measure.tasks.protocol.Feed`."""
        return self._rows(self._run(model, window), window).float()

    def _run(self, model: Any, part: Layout) -> Tensor:
        import torch

        from invarlock.measure.head import forwarded

        ends = part.starts[1:]
        sources, targets = [], []
        for index, end in enumerate(ends.tolist()):
            rows, begin = int(part.counts[index]), end - int(part.lengths[index])
            source, target = part.tokens[begin : end - rows], part.tokens[end - rows : end]
            sources.append([*self.frame.before, *source.tolist(), *self.frame.after])
            # The last token predicts nothing that is scored.
            targets.append([self.start, *self.frame.before, *target.tolist()[:-1]])
        ids, seen = self._filled(sources)
        forced, _ = self._filled(targets)
        inputs = {"input_ids": ids, "attention_mask": seen, "decoder_input_ids": forced}
        return forwarded(model, **{k: torch.from_numpy(v) for k, v in inputs.items()})

    def _filled(self, rows: Sequence[Sequence[int]]) -> tuple[np.ndarray[Any, Any], ...]:
        lengths = np.array([len(row) for row in rows])
        within = np.arange(int(lengths.max())) < lengths[:, None]
        ids = np.full(within.shape, self.fill, dtype=np.int64)
        ids[within] = [token for row in rows for token in row]
        return ids, within.astype(np.int64)

    def _rows(self, output: Tensor, part: Layout) -> Tensor:
        import torch

        source = (part.lengths - part.counts)[part.owners]
        places = part.positions.astype(np.int64) - source + len(self.frame.before)
        return output[torch.from_numpy(part.owners), torch.from_numpy(places)]


@dataclass(frozen=True, slots=True)
class Seq2SeqLM:
    """A window a document, source and target of at most ``length`` tokens each."""

    length: int
    keys: ClassVar[frozenset[str]] = frozenset({"source", "target"})
    models: ClassVar[str] = "SEQ_TO_SEQ_CAUSAL_LM"

    def parse(self, line: Mapping[str, Json]) -> Pair:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return Pair(text(line, "source", filled=True), text(line, "target", filled=True))

    def pieces(
        self, documents: Sequence[Document[Pair]], tokenizer: Tokenizer
    ) -> list[list[Piece]]:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        sources = tokenizer.encode([document.content.source for document in documents])
        targets = tokenizer.encode([document.content.target for document in documents])
        return [self._piece(*pair) for pair in zip(sources, targets, strict=True)]

    def _piece(self, source: Sequence[int], target: Sequence[int]) -> list[Piece]:
        one, two = source[: self.length], target[: self.length]
        if not one or not two:
            return []
        tokens = np.array([*one, *two], dtype="<u4")
        return [Piece(0, tokens, np.arange(len(one), len(tokens), dtype="<u4"))]

    def positions(self, piece: Piece, window: Digest, seed: Digest) -> UInt32s:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return np.empty(0, dtype="<u4") if piece.positions is None else piece.positions

    def longest(self, tokenizer: Tokenizer) -> int:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return self.length + tokenizer.frame.size

    def feed(self, tokenizer: Tokenizer, config: Any) -> Seq2SeqFeed:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        start, fill = getattr(config, _START, None), getattr(config, "pad_token_id", None)
        if not isinstance(start, int):
            raise SafetyRefusal(
                "E210", f"`config.json` has no `{_START}`", "use a sequence-to-sequence model"
            )
        return Seq2SeqFeed(tokenizer.frame, start, fill if isinstance(fill, int) else start)
