"""How many more windows would probably settle what is inconclusive.

An interval narrows with the square root of the windows. Were the point estimate the truth, then
with ``n`` windows and an interval that reaches ``h`` towards a bound ``d`` away,

    n (1.43 h / d)^2

windows would clear the bound four times out of five: 1.43 = (1.96 + 0.84) / 1.96.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Final

_POWER: Final = Decimal("1.43")
_MOST: Final = 1_000_000
_CONTEXT: Final = Context(prec=40)


def windows_more(
    windows: int, point: Decimal, ends: tuple[Decimal, Decimal], bounds: Sequence[Decimal]
) -> int | None:
    """How many windows beyond ``windows`` would probably clear ``bounds``, from the point estimate
    and both ``ends`` of its interval. ``None`` where no number that anyone evaluates would."""
    low, high = ends
    needed = Decimal(windows)
    for bound in bounds:
        if not low <= bound <= high:
            continue
        reach, gap = (
            (high - point, bound - point) if bound > point else (point - low, point - bound)
        )
        if gap == 0:
            return None
        factor = _CONTEXT.divide(_CONTEXT.multiply(_POWER, reach), gap)
        needed = max(needed, _CONTEXT.multiply(windows, _CONTEXT.multiply(factor, factor)))
    if needed > _MOST:
        return None
    return max(1, int(needed.to_integral_value("ROUND_CEILING")) - windows)
