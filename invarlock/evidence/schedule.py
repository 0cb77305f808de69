"""Which windows are drawn, by content and by a seed that nobody chooses.

A window's id is the digest of its token ids. The schedule's seed follows from bar and data, and
from a beacon where the bar asks for one; each window's key from seed and id. The windows with the
smallest keys are drawn. So the schedule depends on neither the order of the data nor the wish of
whoever runs it (DESIGN section 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from invarlock.canonical import digest_bytes, digest_json
from invarlock.errors import Inconclusive
from invarlock.evidence.model import UInt32s
from invarlock.evidence.repeats import run_marks
from invarlock.evidence.schema import Beacon, Digest, Schedule


def schedule_seed(bar_digest: Digest, data_digest: Digest, beacon: Beacon | None = None) -> Digest:
    """The seed of the schedule that ``bar_digest`` draws from the data, after the beacon if any."""
    return digest_json(
        {
            "bar": bar_digest,
            "beacon": None if beacon is None else beacon.value,
            "data": data_digest,
            "version": "invarlock.schedule/1",
        }
    )


def window_id(tokens: Sequence[int] | UInt32s, words: Sequence[int] = ()) -> Digest:
    """The id of a window: the digest of its token ids as little-endian uint32.

    ``words`` is what else makes the window: the positions of its rows and its answer, where task
    and length do not say so (:func:`invarlock.evidence.positions.window_words`). They follow the
    token ids, and are followed by the number of those.
    """
    after = [*words, len(tokens)] if len(words) else []
    data = np.asarray(tokens, dtype="<u4").tobytes() + np.asarray(after, dtype="<u4").tobytes()
    return digest_bytes(data)


def schedule_key(seed: Digest, window: Digest) -> bytes:
    """The key, 32 bytes, by which windows are ordered under ``seed``."""
    return hashlib.sha256(seed.encode("ascii") + b"\n" + window.encode("ascii")).digest()


def draw(
    schedule: Schedule, ids: Sequence[Digest], scored: Sequence[UInt32s] | None = None
) -> tuple[int, ...]:
    """Positions in ``ids`` of the windows drawn: the final ones, then the preview ones.

    Of windows with one content the first stands for all. With ``scored``, the scored tokens of
    each window, one that repeats a run of a window drawn before it
    (:mod:`invarlock.evidence.repeats`) is passed over, so that no text counts twice. Raises
    :class:`Inconclusive` E002 when the data offer too few.
    """
    first: dict[Digest, int] = {}
    for position, window in enumerate(ids):
        first.setdefault(window, position)
    wanted = schedule.final + schedule.preview
    ordered = sorted(first, key=lambda window: schedule_key(schedule.seed, window))
    drawn = tuple(islice(_fresh([first[window] for window in ordered], scored), wanted))
    if len(drawn) < wanted:
        repeats = len(first) - len(drawn)
        but = f" ({repeats} more repeat text of theirs)" if repeats else ""
        raise Inconclusive(
            "E002",
            f"the data offer {len(drawn)} distinct windows{but}, the bar needs {wanted} "
            f"({schedule.final} final, {schedule.preview} preview)",
            "give more data, or lower the floor in a profile",
        )
    return drawn


def _fresh(order: Iterable[int], scored: Sequence[UInt32s] | None) -> Iterator[int]:
    """Those of ``order`` that repeat no run of one before them."""
    seen: set[int] = set()
    for position in order:
        marks = set() if scored is None else set(run_marks(scored[position]).tolist())
        if seen.isdisjoint(marks):
            seen |= marks
            yield position
