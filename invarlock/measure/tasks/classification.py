"""Classification: the log-loss of every label, by a model with a head for sequences.

A window is a document, cut off at the contract's length, between the special tokens of the arm's
own tokenizer; a row is a label, and its position is the label's index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import Json
from invarlock.errors import SafetyRefusal
from invarlock.evidence.layout import Layout, UInt32s
from invarlock.evidence.schema import Digest
from invarlock.measure.ingest import Document, Malformed
from invarlock.measure.tasks.fields import text
from invarlock.measure.tasks.protocol import Piece
from invarlock.measure.tokenizer import Frame, Tokenizer

if TYPE_CHECKING:
    from invarlock.measure.score import Body

_HINT: Final = "use a model with a classification head, the same labels in both"
_LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a document holds; ``label`` is an index of the model's labels, or one's name."""

    text: str
    label: int | str


@dataclass(frozen=True, slots=True)
class LabelFeed:
    """Windows one by one: models differ in what they make of filled-up ones."""

    frame: Frame

    def losses(self, body: Body, part: Layout) -> NDArray[np.float64]:
        """See :class:`~invarlock.measure.tasks.protocol.ChoiceFeed`."""
        import torch

        from invarlock.measure.head import forwarded

        found = []
        for index in range(len(part)):
            own = part.window(index).tolist()
            ids = torch.tensor([[*self.frame.before, *own, *self.frame.after]])
            logits = forwarded(body.model, input_ids=ids)[0].double()
            if len(logits) != part.counts[index]:
                raise SafetyRefusal(
                    "E207", f"the model has {len(logits)} labels, not {part.counts[index]}", _HINT
                )
            found.append(-torch.log_softmax(logits, dim=0).numpy())
        return np.concatenate(found)


@dataclass(frozen=True, slots=True)
class Classification:
    """A window a document of at most ``length`` tokens; ``labels`` are the model's, in order."""

    length: int
    labels: tuple[str, ...] = field(default=())
    keys: ClassVar[frozenset[str]] = frozenset({"text", "label"})
    models: ClassVar[str] = "SEQUENCE_CLASSIFICATION"

    @classmethod
    def of(cls, length: int, config: Mapping[str, Json]) -> Classification:
        """With the labels of ``config.json``. Raises :class:`SafetyRefusal` E206 where they are not
        numbered from 0 on, E210 where there are none."""
        named = config.get("id2label")
        if not isinstance(named, dict) or len(named) < _LEAST:
            count = config.get("num_labels")
            if named is not None or not isinstance(count, int) or count < _LEAST:
                raise SafetyRefusal("E210", "`config.json` names no labels", _HINT)
            return cls(length, tuple(f"LABEL_{index}" for index in range(count)))
        labels = [named.get(str(index)) for index in range(len(named))]
        texts = tuple(label for label in labels if isinstance(label, str))
        if len(texts) < len(labels) or len(set(texts)) < len(texts):
            raise SafetyRefusal(
                "E206", "`id2label` of `config.json` does not number its labels", _HINT
            )
        return cls(length, texts)

    def parse(self, line: Mapping[str, Json]) -> Labelled:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        label = line.get("label")
        if isinstance(label, bool) or not isinstance(label, int | str):
            raise Malformed("has no `label`, an index or a name")
        if isinstance(label, int) and not 0 <= label < len(self.labels):
            raise Malformed(f"has `label` {label}, and the model {len(self.labels)} from 0 on")
        if isinstance(label, str) and label not in self.labels:
            raise Malformed(f"has a label that the model does not know, `{label[:80]}`")
        return Labelled(text(line, "text", filled=True), label)

    def pieces(
        self, documents: Sequence[Document[Labelled]], tokenizer: Tokenizer
    ) -> list[list[Piece]]:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        coded = tokenizer.encode([document.content.text for document in documents])
        rows = np.arange(len(self.labels), dtype="<u4")
        return [
            [Piece(0, np.array(ids[: self.length], dtype="<u4"), rows, self._index(document))]
            if ids
            else []
            for document, ids in zip(documents, coded, strict=True)
        ]

    def _index(self, document: Document[Labelled]) -> int:
        label = document.content.label
        return label if isinstance(label, int) else self.labels.index(label)

    def positions(self, piece: Piece, window: Digest, seed: Digest) -> UInt32s:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return np.arange(len(self.labels), dtype="<u4")

    def longest(self, tokenizer: Tokenizer) -> int:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return self.length + tokenizer.frame.size

    def feed(self, tokenizer: Tokenizer, config: Any) -> LabelFeed:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return LabelFeed(tokenizer.frame)
