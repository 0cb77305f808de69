"""Which windows a verifier evaluates again, and how likely a forger is to have been missed.

The seed is drawn after the signature was verified, so that whoever signed could not know it. Under
a seed, windows are ordered by sha256(seed ‖ position) and the first of them are taken: who has the
seed draws the same. Windows that the guards on activations watch are evaluated always, and stand
outside the draw.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, comb
from typing import Final

from invarlock.errors import UsageFault

SEED_BYTES: Final = 32
RARELY: Final = Fraction(1, 20)
_SHARE: Final = re.compile(r"([0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]{1,6})?)%|all")


@dataclass(frozen=True, slots=True)
class Share:
    """How many windows to challenge: ``count`` of them, or else ``part`` of all, rounded up."""

    part: Fraction
    count: int | None = None

    def of(self, population: int) -> int:
        """How many of ``population`` windows that is."""
        wanted = ceil(self.part * population) if self.count is None else self.count
        return min(population, wanted)


DEFAULT_SHARE: Final = Share(Fraction(1, 4))
"""A quarter: nine windows changed among many are missed less than once in thirteen."""


def parse_share(text: str) -> Share:
    """``N``, ``P%`` or ``all``. Raises :class:`UsageFault` E701 for anything else, and for none."""
    match = _SHARE.fullmatch(text)
    share = None
    if match is not None and match[1] is not None:
        share = Share(Fraction(0), int(match[1]))
    elif match is not None:
        share = Share(Fraction(match[2]) / 100 if match[2] is not None else Fraction(1))
    if share is None or share.part > 1 or not (share.part or share.count):
        message = f"--challenge `{text[:80]}` is no share of windows"
        raise UsageFault("E701", message, "write a number of windows, a share such as `25%`, `all`")
    return share


def drawn(seed: bytes, population: Sequence[int], count: int) -> tuple[int, ...]:
    """``count`` of the positions in ``population``, as ``seed`` draws them, in ascending order."""

    def key(position: int) -> bytes:
        return hashlib.sha256(seed + position.to_bytes(8, "little")).digest()

    return tuple(sorted(sorted(population, key=key)[:count]))


def rarely_missed(population: int, challenged: int) -> int:
    """The fewest changed windows that are missed no oftener than :data:`RARELY`; ``challenged`` is
    at least one."""
    few, many = 0, 1
    while chance_missed(population, challenged, many) > RARELY:
        few, many = many, min(2 * many, population)
    while many - few > 1:
        middle = (few + many) // 2
        if chance_missed(population, challenged, middle) > RARELY:
            few = middle
        else:
            many = middle
    return many


def chance_missed(population: int, challenged: int, changed: int) -> Fraction:
    """How likely ``challenged`` of ``population`` windows, drawn at random, hold none of
    ``changed``: the hypergeometric probability of no hit."""
    few, many = sorted((challenged, changed))  # either way round it is the same
    return Fraction(comb(population - many, few), comb(population, few))
