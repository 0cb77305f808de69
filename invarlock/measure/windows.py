"""Windows: the schedule drawn from what documents offer, each window cut from one document.

Pairing and overlap are decided by content: a window's id is the digest of its token ids, and of
windows with one content the first stands for all (DESIGN section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from invarlock.evidence.layout import layout_of
from invarlock.evidence.model import Layout, UInt32s
from invarlock.evidence.positions import is_choice, window_words
from invarlock.evidence.schedule import draw, window_id
from invarlock.evidence.schema import Contract, Digest, Window
from invarlock.measure.ingest import Document
from invarlock.measure.job import ArmJob, DataCounts, Span
from invarlock.measure.tasks.protocol import Piece, Task


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The windows that one job scores, and where their tokens and rows lie; ``seam`` of them are
    final ones, which come first."""

    windows: tuple[Window, ...]
    layout: Layout
    seam: int


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The scheduled windows, final ones first, and where their tokens and rows lie.

    ``counts`` are of the data, where the windows were drawn from it here.
    """

    windows: tuple[Window, ...]
    layout: Layout
    counts: DataCounts | None

    def part(self, job: ArmJob) -> Scored:
        """What ``job`` scores: its span of them, or all."""
        span = job.span or Span(start=0, stop=len(self.windows))
        chosen = self.windows[span.start : span.stop]
        seam = min(max(job.schedule.final - span.start, 0), span.windows)
        return Scored(chosen, self.layout.part(span.start, span.stop), seam)


def cut(
    documents: Sequence[Document[Any]],
    pieces: Sequence[Sequence[Piece]],
    job: ArmJob,
    task: Task[Any],
) -> Drawn:
    """Draw the schedule from the ``pieces`` that each document offers.

    Raises :class:`Inconclusive` E002 when the distinct windows are too few, saying how many there
    are.
    """
    offered = [(at, piece) for at, own in enumerate(pieces) for piece in own]
    ids = [piece_id(piece, job.contract) for _, piece in offered]
    told = [_told(piece, job.contract) for _, piece in offered]
    drawn = draw(job.schedule, ids, told)
    seed, final = job.schedule.seed, job.schedule.final
    positions = [task.positions(offered[at][1], ids[at], seed) for at in drawn]
    windows = tuple(
        _window(documents[offered[at][0]], offered[at][1], ids[at], len(rows), order < final)
        for order, (at, rows) in enumerate(zip(drawn, positions, strict=True))
    )
    counts = DataCounts(documents=len(documents), windows=len(set(ids)))
    flat = [offered[at][1].tokens for at in drawn], positions
    tokens, rows = (np.concatenate([np.empty(0, "<u4"), *arrays]) for arrays in flat)
    return Drawn(windows, layout_of(windows, tokens, rows), counts)


def ids_at(
    windows: Sequence[Window], pieces: Mapping[str, Sequence[Piece]], contract: Contract
) -> list[Digest | None]:
    """For each window the id of what other pieces of its document hold at the same place."""
    places = {(document, piece.start): piece for document, own in pieces.items() for piece in own}
    found = (places.get((window.document, window.start)) for window in windows)
    return [None if piece is None else piece_id(piece, contract) for piece in found]


def piece_id(piece: Piece, contract: Contract) -> Digest:
    """The id of the window that ``piece`` would be."""
    positions = () if piece.positions is None else piece.positions
    words = window_words(contract.task, contract.windows.content, positions, piece.answer)
    return window_id(piece.tokens, words)


def _told(piece: Piece, contract: Contract) -> UInt32s:
    """The tokens by which windows repeat one another
    (:func:`invarlock.evidence.positions.repeatable`)."""
    if is_choice(contract.task):
        return piece.tokens[:0]
    return piece.tokens if piece.positions is None else piece.tokens[piece.positions]


def _window(
    document: Document[Any], piece: Piece, digest: Digest, rows: int, final: bool
) -> Window:
    return Window(
        id=digest,
        subject_id=None,
        phase="final" if final else "preview",
        document=document.id,
        slice=document.slice,
        start=piece.start,
        length=len(piece.tokens),
        rows=rows,
        answer=piece.answer,
        sizes=piece.sizes,
    )
