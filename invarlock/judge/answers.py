"""Which choice each arm takes, and what flips between the arms say: exact arithmetic throughout.

An arm answers with the choice of the largest log-likelihood, the first of equals, as ``acc`` of
lm-evaluation-harness 0.4.13 does; divided by the choice's bytes of UTF-8 it is its ``acc_bytes``.
Its ``acc_norm`` divides by characters, which is another answer where choices are not ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from invarlock.canonical import NON_FINITE
from invarlock.evidence.model import Int64s
from invarlock.evidence.schema import Window


@dataclass(frozen=True, slots=True)
class Answers:
    """Of every window, whether the arm's answer is right, and whether all its numbers are finite
    (where they are not, it is not right)."""

    right: tuple[bool, ...]
    finite: tuple[bool, ...]

    @classmethod
    def of(
        cls, windows: Sequence[Window], offsets: Int64s, loss: Int64s, normalise: str
    ) -> Answers:
        """From ``loss``, −log-likelihood of every choice in 1e-9 nats, (rows,); ``normalise`` says
        what it is divided by, ``none`` or ``bytes``. Windows without sizes know only the first."""
        numbers = loss.tolist()
        right, finite = [], []
        for window, (start, stop) in zip(windows, pairwise(offsets.tolist()), strict=True):
            sizes = window.sizes if normalise == "bytes" else None
            good = NON_FINITE not in numbers[start:stop]
            best = _least(numbers[start:stop], sizes or [1] * (stop - start)) if good else None
            finite.append(good)
            right.append(best is not None and best == window.answer)
        return cls(tuple(right), tuple(finite))


def _least(losses: Sequence[int], sizes: Sequence[int]) -> int:
    """The first index of the least ``loss / size``; sizes are positive."""
    best = 0
    for index in range(1, len(losses)):
        if losses[index] * sizes[best] < losses[best] * sizes[index]:
            best = index
    return best


def mcnemar(lost: int, gained: int) -> Fraction:
    """The exact two-sided p of McNemar's test: were both arms equally often alone right?

    Twice the tail of a binomial with ``lost + gained`` even draws, at most 1; 1 where nothing
    flipped. Source: McNemar (1947); Fagerland, Lydersen and Laake, *The McNemar test for binary
    matched-pairs data* (2013), section 2, the exact conditional test.
    """
    draws, fewer = lost + gained, min(lost, gained)
    ways = term = 1
    for index in range(fewer):
        term = term * (draws - index) // (index + 1)
        ways += term
    return min(Fraction(1), Fraction(2 * ways, 1 << draws))
