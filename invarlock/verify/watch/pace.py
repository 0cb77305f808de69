"""How fast files are read, so that hashing leaves the host its disk and its processors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_BURST: Final = 0.05
"""Seconds of reading that may be saved up while there is nothing to read."""


class TokenBucket:
    """Lets through ``rate`` bytes a second on average, and no more than a moment's worth at once.

    ``clock`` gives seconds, and ``sleep`` waits for them.
    """

    def __init__(
        self,
        rate: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._saved = 0.0
        self._at = clock()

    def __call__(self, count: int) -> None:
        """Take ``count`` bytes, which were read; wait until they are due."""
        now = self._clock()
        self._saved = min(self._saved + (now - self._at) * self._rate, self._rate * _BURST)
        self._saved -= count
        self._at = now
        if self._saved < 0:
            self._sleep(-self._saved / self._rate)


def unhindered(count: int) -> None:
    """No limit."""
