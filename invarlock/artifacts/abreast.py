"""Reading many files side by side: hashing lets other threads run, so each processor takes one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 16
"""Threads; more would wait for the disk."""


def in_order(work: Callable[[T], R], items: Sequence[T]) -> tuple[R, ...]:
    """``work`` of each item, in the order of ``items``, done by as many threads as there are
    processors to run on.

    Raises what the first item in that order raises, after the others under way have ended.
    """
    threads = min(MOST, len(items), processors())
    if threads < 2:
        return tuple(map(work, items))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        try:
            return tuple(pool.map(work, items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def processors() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
