"""Windows: fixed-length, non-overlapping runs of tokens, each cut from one document.

Pairing and overlap are decided by content: a window's id is the digest of its token ids, and of
windows with one content the first stands for all (DESIGN section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from invarlock.evidence.layout import whole_runs
from invarlock.evidence.model import Layout, UInt32s
from invarlock.evidence.schedule import draw, window_id
from invarlock.evidence.schema import Digest, Schedule, Window
from invarlock.measure.ingest import Document
from invarlock.measure.job import ArmJob, DataCounts, Span


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
    documents: Sequence[Document], ids: Sequence[Sequence[int]], length: int, schedule: Schedule
) -> Drawn:
    """Cut documents, given with their token ids, and draw the schedule.

    The tail of a document that fills no window is left out. Raises :class:`Inconclusive` E002 when
    the distinct windows are too few, saying how many there are.
    """
    pieces, places = _pieces(ids, length)
    digests = [window_id(piece.tolist()) for piece in pieces]
    drawn = draw(schedule, digests, [piece[1:] for piece in pieces])
    windows = tuple(
        _window(documents, places[at], digests[at], length, position < schedule.final)
        for position, at in enumerate(drawn)
    )
    tokens = np.array([pieces[at] for at in drawn], dtype="<u4").reshape(len(drawn), length)
    counts = DataCounts(documents=len(documents), windows=len(set(digests)))
    return Drawn(windows, whole_runs(tokens), counts)


def ids_at(
    windows: Sequence[Window], ids: Mapping[str, Sequence[int]], length: int
) -> list[Digest | None]:
    """For each window the id of what other token ids of its document give at the same place."""
    return [
        window_id(piece) if len(piece) == length else None
        for piece in (ids[w.document][w.start : w.start + length] for w in windows)
    ]


def _pieces(
    ids: Sequence[Sequence[int]], length: int
) -> tuple[list[UInt32s], list[tuple[int, int]]]:
    pieces: list[UInt32s] = []
    places: list[tuple[int, int]] = []
    for document, tokens in enumerate(ids):
        whole = len(tokens) // length
        rows = np.asarray(tokens[: whole * length], dtype="<u4").reshape(whole, length)
        for row in range(whole):
            pieces.append(rows[row])
            places.append((document, row * length))
    return pieces, places


def _window(
    documents: Sequence[Document], place: tuple[int, int], digest: Digest, length: int, final: bool
) -> Window:
    document = documents[place[0]]
    return Window(
        id=digest,
        subject_id=None,
        phase="final" if final else "preview",
        document=document.id,
        slice=document.slice,
        start=place[1],
        length=length,
        rows=length - 1,
    )
