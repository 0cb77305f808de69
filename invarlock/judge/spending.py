"""Looking more than once at the same run without erring more often: alpha spending.

Each look may err as much as the spending function has set free by then and earlier looks have not
used up (Lan and DeMets, *Discrete sequential boundaries for clinical trials*, Biometrika 70, 1983).
With ``t`` the share of the planned final windows that is seen, and ``a`` what each side of an
interval may err:

    obrien_fleming   2 (1 - Phi(z(1 - a/2) / sqrt(t)))      hardly anything at first
    pocock           a ln(1 + (e - 1) t)                     much the same at every look

The limits follow by numerical integration over the sub-density of what has not crossed before
(Armitage, McPherson and Rowe 1969), on the grid and with the weights of Jennison and Turnbull,
*Group Sequential Methods* (2000), chapter 19. A side is taken by itself: that a run may have
stopped on the other side makes it err less, never more. Limits are rounded to six digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Final, Literal

Spending = Literal["obrien_fleming", "pocock"]

_NORMAL: Final = NormalDist()
_FINENESS: Final = 18
"""Of the grid, which has 12 times as many points; chapter 19 takes 16 for four digits."""
_HALVINGS: Final = 48
_DIGITS: Final = 6
_FARTHEST: Final = 12.0


@dataclass(frozen=True, slots=True)
class _Density:
    """The sub-density of a standardised mean that has not crossed: points, weighted heights."""

    points: tuple[float, ...]
    masses: tuple[float, ...]
    share: float


def spent(spending: Spending, tail: float, share: float) -> float:
    """What each side may have erred once ``share`` of the windows is seen; ``tail`` in the end."""
    if spending == "pocock":
        return tail * math.log1p((math.e - 1) * share)
    return 2 * _above(-_NORMAL.inv_cdf(tail / 2) / math.sqrt(share))


def critical_values(spending: Spending, tail: float, shares: Sequence[float]) -> tuple[float, ...]:
    """How many standard errors out the limits of each look lie.

    ``shares`` of the windows seen, rising to at most 1; ``tail`` is what each side may err in all.
    """
    found: list[float] = []
    density: _Density | None = None
    before = 0.0
    for share in shares:
        now = spent(spending, tail, share)
        value = _value(density, share, now - before)
        found.append(round(value, _DIGITS))
        density = _next(density, share, value)
        before = now
    return tuple(found)


def _value(density: _Density | None, share: float, allowed: float) -> float:
    """The limit that is crossed now, and not before, with probability ``allowed``."""
    if density is None:
        return -_NORMAL.inv_cdf(allowed)
    low, high = -_FARTHEST, _FARTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _crossing(density, share, middle) > allowed:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _crossing(density: _Density, share: float, value: float) -> float:
    """How likely the next look, at ``share``, is the first beyond ``value``."""
    root, before = math.sqrt(share), math.sqrt(density.share)
    step = math.sqrt(share - density.share)
    return math.fsum(
        mass * _above((value * root - point * before) / step)
        for point, mass in zip(density.points, density.masses, strict=True)
    )


def _next(density: _Density | None, share: float, value: float) -> _Density:
    """The density at ``share`` of what stays below ``value``."""
    points, weights = _grid(value)
    if density is None:
        heights = [_height(point) for point in points]
    else:
        root, before = math.sqrt(share), math.sqrt(density.share)
        step = math.sqrt(share - density.share)
        pairs = list(zip(density.points, density.masses, strict=True))
        heights = [
            root / step * math.fsum(m * _height((z * root - p * before) / step) for p, m in pairs)
            for z in points
        ]
    masses = tuple(h * w for h, w in zip(heights, weights, strict=True))
    return _Density(points, masses, share)


def _grid(highest: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Points up to ``highest`` and the weights of Simpson's rule on them."""
    r = _FINENESS
    outer = [3 + 4 * math.log(r / i) for i in range(1, r)]
    inner = [-3 + 3 * i / (2 * r) for i in range(4 * r + 1)]
    marks = [x for x in (*(-x for x in outer), *inner, *reversed(outer)) if x < highest]
    marks.append(highest)
    points, weights = [marks[0]], [0.0]
    for left, right in pairwise(marks):
        sixth = (right - left) / 6
        weights[-1] += sixth
        points += [(left + right) / 2, right]
        weights += [4 * sixth, sixth]
    return tuple(points), tuple(weights)


def _height(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _above(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2
