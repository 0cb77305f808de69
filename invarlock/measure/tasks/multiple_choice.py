"""Multiple choice: the log-likelihood of each choice after the context, by a causal model.

A window is an item: the context's tokens and after them each choice's; a row is a choice, and its
position is where the choice begins. Context and choice are tokenised together and parted after the
context's tokens, blanks at the context's end going to the choice, as lm-evaluation-harness does
(``_encode_pair``). A context that leaves no room for the longest choice loses its beginning. An
item of which a choice alone is too long offers no window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import Json
from invarlock.evidence.layout import Layout, UInt32s, offsets
from invarlock.evidence.schema import Digest
from invarlock.measure.ingest import Document, Malformed
from invarlock.measure.tasks.causal_lm import CausalFeed
from invarlock.measure.tasks.fields import items, text
from invarlock.measure.tasks.protocol import Piece
from invarlock.measure.tokenizer import Tokenizer

if TYPE_CHECKING:
    from invarlock.measure.score import Body

MOST: Final = 64
"""Choices of one item."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a document holds: ``choices[answer]`` is right."""

    context: str
    choices: tuple[str, ...]
    answer: int


class ChoicesFeed(CausalFeed):
    """Each choice of an item is run after the item's context, as a window of its own."""

    def losses(self, body: Body, part: Layout) -> NDArray[np.float64]:
        """See :class:`~invarlock.measure.tasks.protocol.ChoiceFeed`."""
        from invarlock.measure.score import token_losses

        apart = expanded(part)
        return np.add.reduceat(token_losses(body, apart), apart.offsets[:-1])


def expanded(part: Layout) -> Layout:
    """The choices of all items as windows of a causal model: the item's context, then the choice,
    whose every token is scored."""
    tokens: list[UInt32s] = []
    positions: list[UInt32s] = []
    rows = part.offsets.tolist()
    for index, start in enumerate(part.starts[:-1].tolist()):
        own = part.tokens[start : start + int(part.lengths[index])]
        begins = part.positions[rows[index] : rows[index + 1]].tolist()
        for begin, end in zip(begins, [*begins[1:], len(own)], strict=True):
            tokens.append(np.concatenate([own[: begins[0]], own[begin:end]]))
            positions.append(np.arange(begins[0], begins[0] + end - begin, dtype="<u4"))
    return Layout(
        np.concatenate(tokens),
        np.concatenate(positions),
        np.array([len(one) for one in tokens], dtype=np.int64),
        np.array([len(one) for one in positions], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class MultipleChoice:
    """A window an item; context and longest choice have at most ``length`` tokens."""

    length: int
    keys: ClassVar[frozenset[str]] = frozenset({"context", "choices", "answer"})
    models: ClassVar[str] = "CAUSAL_LM"

    def parse(self, line: Mapping[str, Json]) -> Item:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        context, choices = text(line, "context", filled=True), items(line, "choices", 2, MOST)
        texts = tuple(choice for choice in choices if isinstance(choice, str) and choice)
        if len(texts) < len(choices):
            raise Malformed("has `choices` that are not all filled strings")
        answer = line.get("answer")
        if isinstance(answer, bool) or not isinstance(answer, int):
            raise Malformed("has no whole number `answer`")
        if not 0 <= answer < len(texts):
            raise Malformed(f"has `answer` {answer}, and {len(texts)} choices from 0 on")
        return Item(context, texts, answer)

    def pieces(
        self, documents: Sequence[Document[Item]], tokenizer: Tokenizer
    ) -> list[list[Piece]]:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        contents = [document.content for document in documents]
        bare = tokenizer.encode([item.context.rstrip() for item in contents])
        joined = tokenizer.encode([item.context + c for item in contents for c in item.choices])
        ends = offsets(np.array([len(item.choices) for item in contents], dtype=np.int64)).tolist()
        return [
            self._piece(item, context, joined[ends[at] : ends[at + 1]])
            for at, (item, context) in enumerate(zip(contents, bare, strict=True))
        ]

    def _piece(
        self, item: Item, context: Sequence[int], joined: Sequence[Sequence[int]]
    ) -> list[Piece]:
        choices = [whole[len(context) :] for whole in joined]
        # Where the choice changes how the context's end is tokenised, the context as it stands
        # alone goes before all choices, so that they are told apart by themselves only.
        room = self.length - max(len(choice) for choice in choices)
        kept = context[max(0, len(context) - room) :] if room > 0 else []
        if not kept or not all(choices):
            return []
        begins = offsets(np.array([len(choice) for choice in choices], dtype=np.int64))[:-1]
        return [
            Piece(
                start=0,
                tokens=np.array([*kept, *(t for c in choices for t in c)], dtype="<u4"),
                positions=(begins + len(kept)).astype("<u4"),
                answer=item.answer,
                sizes=tuple(len(choice.encode()) for choice in item.choices),
            )
        ]

    def positions(self, piece: Piece, window: Digest, seed: Digest) -> UInt32s:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return np.empty(0, dtype="<u4") if piece.positions is None else piece.positions

    def longest(self, tokenizer: Tokenizer) -> int:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return self.length

    def feed(self, tokenizer: Tokenizer, config: Any) -> ChoicesFeed:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return ChoicesFeed()
