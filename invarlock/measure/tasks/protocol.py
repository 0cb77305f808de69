"""What a task provides, and what the rest of an arm gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import Json
from invarlock.evidence.layout import Layout, UInt32s
from invarlock.evidence.schema import Digest
from invarlock.measure.ingest import Document
from invarlock.measure.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

    from invarlock.measure.score import Body

C = TypeVar("C")


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A window that a document offers.

    Attributes:
        start: token offset in the document; 0 where a window is a whole document.
        tokens: its token ids, (length,).
        positions: the position of the token that each row scores, (rows,); ``None`` where the
            schedule says so.
        answer: the row that is right, where rows are choices.
        sizes: bytes of each choice's text.
    """

    start: int
    tokens: UInt32s
    positions: UInt32s | None
    answer: int | None = None
    sizes: tuple[int, ...] | None = None


@runtime_checkable
class Feed(Protocol):
    """How windows pass a model whose rows are tokens."""

    def states(self, model: Any, part: Layout) -> Tensor:
        """Where the head begins, what predicts each row of ``part``: (rows, width), contiguous, in
        memory of its own."""

    def logits(self, model: Any, window: Layout) -> Tensor:
        """Logits of every row of one window by the model's own head, (rows, vocabulary)."""


class ChoiceFeed(Protocol):
    """How windows pass a model whose rows are choices or labels."""

    def losses(self, body: Body, part: Layout) -> NDArray[np.float64]:
        """−log-likelihood of every choice in nats, (rows,)."""


class Task(Protocol[C]):
    """One task. ``C`` is what a document holds.

    Attributes:
        keys: keys of a line of data, beside ``id`` and ``slice``.
        models: the model library's table of classes, as in ``MODEL_FOR_<models>_MAPPING_NAMES``.
    """

    @property
    def keys(self) -> frozenset[str]:
        """See above."""

    @property
    def models(self) -> str:
        """See above."""

    def parse(self, line: Mapping[str, Json]) -> C:
        """What a line of data holds. Raises :class:`~invarlock.measure.ingest.Malformed` saying
        what is wrong with it, as in "line 3 of the data …"."""

    def pieces(self, documents: Sequence[Document[C]], tokenizer: Tokenizer) -> list[list[Piece]]:
        """The windows that each document offers."""

    def positions(self, piece: Piece, window: Digest, seed: Digest) -> UInt32s:
        """The rows of a window that is drawn."""

    def longest(self, tokenizer: Tokenizer) -> int:
        """Tokens that the model must have positions for."""

    def feed(self, tokenizer: Tokenizer, config: Any) -> Feed | ChoiceFeed:
        """How windows are run. ``config`` is the model library's. Raises :class:`SafetyRefusal`
        E210 where tokenizer or configuration lack what it takes."""
