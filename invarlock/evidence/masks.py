"""Which tokens a masked language model is asked for: by schedule and content, by nobody's wish."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from invarlock.evidence.layout import UInt32s
from invarlock.evidence.schema import Digest

_KEY: Final = 8


def mask_positions(seed: Digest, window: Digest, length: int, count: int) -> UInt32s:
    """The ``count`` masked positions of a window of ``length`` tokens, ascending.

    SHAKE-256 of the schedule's ``seed`` and the id of ``window`` gives every position a key of
    eight bytes, little-endian; the positions with the smallest keys are masked, the first of equal
    ones first. Whoever holds seed and window computes them again.
    """
    text = b"invarlock.masks/1\n" + seed.encode("ascii") + b"\n" + window.encode("ascii")
    keys = np.frombuffer(hashlib.shake_256(text).digest(_KEY * length), dtype="<u8")
    return np.sort(np.argsort(keys, kind="stable")[:count]).astype("<u4")
