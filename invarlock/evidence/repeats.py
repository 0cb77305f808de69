"""Text that stands twice, found by its tokens and not by the names of documents.

Two copies of a text that begin at different offsets give windows of which none has another's id,
and yet hold the same words. What they share is a run of tokens: two copies cut at any offsets into
windows of at least 64 tokens share runs of at least 32. In a megabyte of plays, verse and an
encyclopaedia no run of 32 tokens stands twice by chance; of 13, in 2% of the windows. Source: Lee
et al., *Deduplicating Training Data Makes Language Models Better* (2022), who take runs of 50.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.evidence.model import UInt32s

RUN: Final = 32
"""Tokens in a row that make a repeat."""

_UInt64s = NDArray[np.uint64]
_MULTIPLIERS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


def run_marks(tokens: UInt32s, length: int = RUN) -> _UInt64s:
    """A 64-bit mark of every run of ``length`` tokens, shape (tokens - length + 1,), or empty.

    Equal runs have equal marks. Unequal ones differ, but for one pair in 2**64; a pair made to
    collide counts as a repeat, so that nobody gains by it.
    """
    if len(tokens) < length:
        return np.empty(0, dtype=np.uint64)
    marks = _mixed(tokens.astype(np.uint64) + np.uint64(1))
    covered = 1
    while covered < length:  # a run is its first half and its second, which may lie across it
        step = min(covered, length - covered)
        marks = _mixed(marks[:-step] * _MULTIPLIERS[0] + marks[step:])
        covered += step
    return marks


def repeating(tokens: UInt32s, windows: NDArray[np.intp], places: NDArray[np.intp]) -> set[int]:
    """Windows in which a run of scored tokens stands that an earlier window holds already.

    Args:
        tokens: the scored tokens of all windows, in order, shape (rows,).
        windows: the window of each, ascending, shape (rows,).
        places: the place of each in its window, shape (rows,). Tokens in a row have places in a
            row: prompts between answers, which are not scored, end a run.
    """
    marks = run_marks(tokens)
    if not len(marks):
        return set()
    last = RUN - 1
    whole = (windows[last:] == windows[:-last]) & (places[last:] - places[:-last] == last)
    owners = windows[: len(marks)][whole]
    _, first, same = np.unique(marks[whole], return_index=True, return_inverse=True)
    return {int(window) for window in owners[owners[first][same] != owners]}


def _mixed(marks: _UInt64s) -> _UInt64s:
    """Spread every bit over all: the finaliser of splitmix64 (Steele et al., 2014), cut short."""
    marks = (marks ^ (marks >> np.uint64(30))) * _MULTIPLIERS[1]
    return marks ^ (marks >> np.uint64(27))
