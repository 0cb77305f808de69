"""Causal language models on chats: the template is rendered here, assistant tokens are scored.

A conversation is rendered by the chat template of the arm's own tokenizer and cut into runs of at
most the contract's length; runs in which the assistant says nothing are left out. Which characters
are the assistant's is what the template marks as ``generation``; where it marks none, it is what
each assistant message adds to the rendering of the messages before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from invarlock.canonical import Json
from invarlock.errors import SafetyRefusal
from invarlock.evidence.layout import UInt32s
from invarlock.evidence.schema import Digest
from invarlock.measure.ingest import Document, Malformed
from invarlock.measure.tasks.causal_lm import CausalFeed
from invarlock.measure.tasks.fields import items, text
from invarlock.measure.tasks.protocol import Piece
from invarlock.measure.tasks.template import Message, Rendered, Template
from invarlock.measure.tokenizer import Tokenizer

MOST_MESSAGES: Final = 1_000
_ROLE: Final = 64
_HINT: Final = "use the tokenizer of a chat model, or evaluate running text"
_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Chat:
    """Windows of at most ``length`` tokens."""

    length: int
    keys: ClassVar[frozenset[str]] = frozenset({"messages"})
    models: ClassVar[str] = "CAUSAL_LM"

    def parse(self, line: Mapping[str, Json]) -> tuple[Message, ...]:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        messages = tuple(map(_message, items(line, "messages", 1, MOST_MESSAGES)))
        if not any(message.role == "assistant" for message in messages):
            raise Malformed("has no message of the role `assistant`")
        return messages

    def pieces(
        self, documents: Sequence[Document[tuple[Message, ...]]], tokenizer: Tokenizer
    ) -> list[list[Piece]]:
        """See :class:`~invarlock.measure.tasks.protocol.Task`. Raises :class:`SafetyRefusal` E210
        where the tokenizer has no template, or one that cannot be followed."""
        if tokenizer.template is None:
            raise SafetyRefusal("E210", "the tokenizer has no chat template", _HINT)
        template = Template(tokenizer.template, tokenizer.roles)
        out: list[list[Piece]] = []
        for start in range(0, len(documents), _BATCH):
            chats = [template.chat(d.content) for d in documents[start : start + _BATCH]]
            coded = tokenizer.engine.encode_batch(
                [chat.text for chat in chats], add_special_tokens=False
            )
            pairs = zip(chats, coded, strict=True)
            out.extend(self._cut(chat, one.ids, one.offsets) for chat, one in pairs)
        return out

    def _cut(
        self, chat: Rendered, ids: Sequence[int], places: Sequence[tuple[int, int]]
    ) -> list[Piece]:
        tokens, spoken = np.array(ids, dtype="<u4"), _spoken(chat, places)
        found = []
        for start in range(0, len(tokens), self.length):
            own = spoken[start : start + self.length]
            positions = np.flatnonzero(own[1:]).astype("<u4") + np.uint32(1)
            if len(positions):
                found.append(Piece(start, tokens[start : start + self.length], positions))
        return found

    def positions(self, piece: Piece, window: Digest, seed: Digest) -> UInt32s:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return np.empty(0, dtype="<u4") if piece.positions is None else piece.positions

    def longest(self, tokenizer: Tokenizer) -> int:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return self.length

    def feed(self, tokenizer: Tokenizer, config: Any) -> CausalFeed:
        """See :class:`~invarlock.measure.tasks.protocol.Task`."""
        return CausalFeed()


def _message(value: Json) -> Message:
    if not isinstance(value, dict) or set(value) != {"role", "content"}:
        raise Malformed("has a message that is not `role` and `content`")
    role = text(value, "role")
    if not role.isidentifier() or len(role) > _ROLE:
        raise Malformed("has a message whose `role` is no word")
    return Message(role, text(value, "content"))


def _spoken(chat: Rendered, places: Sequence[tuple[int, int]]) -> np.ndarray[Any, Any]:
    """Whether each token lies within what the assistant says, its characters and all."""
    inside = np.zeros(len(chat.text) + 1, dtype=np.int64)
    for begin, end in chat.spans:
        inside[begin] += 1
        inside[end] -= 1
    covered = np.concatenate([[0], np.cumsum(np.cumsum(inside[:-1]) > 0)])
    ends = np.array(places, dtype=np.int64).reshape(-1, 2)
    width = ends[:, 1] - ends[:, 0]
    said: np.ndarray[Any, Any] = covered[ends[:, 1]] - covered[ends[:, 0]]
    whole: np.ndarray[Any, Any] = np.logical_and(width > 0, said == width)
    return whole
