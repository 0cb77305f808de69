"""Which windows are drawn, by content and by a seed that nobody chooses.

A window's id is the digest of its token ids. The schedule's seed follows from bar and data, each
window's key from seed and id; the windows with the smallest keys are drawn. So the schedule
depends on neither the order of the data nor the wish of whoever runs it (DESIGN section 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from invarlock.canonical import digest_bytes, digest_json
from invarlock.errors import Inconclusive
from invarlock.evidence.schema import Digest, Schedule


def schedule_seed(bar_digest: Digest, data_digest: Digest) -> Digest:
    """The seed of the schedule that ``bar_digest`` draws from the data."""
    return digest_json({"bar": bar_digest, "data": data_digest, "version": "invarlock.schedule/1"})


def window_id(tokens: Sequence[int]) -> Digest:
    """The id of a window: the digest of its token ids as little-endian uint32."""
    return digest_bytes(np.asarray(tokens, dtype="<u4").tobytes())


def schedule_key(seed: Digest, window: Digest) -> bytes:
    """The key, 32 bytes, by which windows are ordered under ``seed``."""
    return hashlib.sha256(seed.encode("ascii") + b"\n" + window.encode("ascii")).digest()


def draw(schedule: Schedule, ids: Iterable[Digest]) -> tuple[int, ...]:
    """Positions in ``ids`` of the windows drawn: the final ones, then the preview ones.

    Of windows with one content the first stands for all. Raises :class:`Inconclusive` E002 when
    the data offer too few.
    """
    first: dict[Digest, int] = {}
    for position, window in enumerate(ids):
        first.setdefault(window, position)
    wanted = schedule.final + schedule.preview
    if len(first) < wanted:
        raise Inconclusive(
            "E002",
            f"the data offer {len(first)} distinct windows, the bar needs {wanted} "
            f"({schedule.final} final, {schedule.preview} preview)",
            "give more data, or lower the floor in a profile",
        )
    drawn = sorted(first, key=lambda window: schedule_key(schedule.seed, window))[:wanted]
    return tuple(first[window] for window in drawn)
