"""A bound so far from what its measure takes that its unit was probably mistaken."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted
from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import MEASURES, Measure, Unit
from invarlock.policy.check_gate import number
from invarlock.policy.diagnostics import shown
from invarlock.policy.intervals import describe, interval_of
from invarlock.policy.syntax import Bound, Gate, Inside, Quantity

_TAIL: Final = (Decimal(-1), Decimal(3))
USUAL: Final[dict[str, tuple[Decimal, Decimal]]] = {
    "perplexity.ratio": (Decimal("0.5"), Decimal(4)),
    "perplexity.drift": (Decimal("0.5"), Decimal(2)),
    "perplexity.tail.p50": _TAIL,
    "perplexity.tail.p90": _TAIL,
    "perplexity.tail.p95": _TAIL,
    "perplexity.tail.p99": _TAIL,
    "kl.mean": (Decimal(0), Decimal(4)),
    "kl.p99": (Decimal(0), Decimal(16)),
    "delta_p.mean": (Decimal(-40), Decimal(40)),
    "delta_p.rms": (Decimal(0), Decimal(60)),
    "top1.agreement": (Decimal("0.25"), Decimal(1)),
    "accuracy.delta": (Decimal(-20), Decimal(20)),
    "accuracy.recovery": (Decimal("0.5"), Decimal(2)),
    "accuracy.mcnemar": (Decimal(0), Decimal("0.5")),
    "flips.rate": (Decimal(0), Decimal("0.5")),
    "flips.lost": (Decimal(0), Decimal("0.5")),
    "flips.gained": (Decimal(0), Decimal("0.5")),
    "invariants.vectors": (Decimal(0), Decimal(4)),
    "spectral.shift": (Decimal(0), Decimal(3)),
    "spectral.stable_rank": (Decimal(0), Decimal(3)),
    "spectral.rows": (Decimal(0), Decimal(3)),
    "spectral.columns": (Decimal(0), Decimal(3)),
    "rmt.outliers": (Decimal("-0.5"), Decimal("0.5")),
    "rows.norm": (Decimal(0), Decimal(3)),
    "rmt.growth": (Decimal(0), Decimal(1)),
    "variance.shift": (Decimal(0), Decimal(3)),
    "variance.gain": (Decimal("-0.5"), Decimal("0.5")),
    "overhead.metric": (Decimal("0.9"), Decimal("1.1")),
    "overhead.time": (Decimal(1), Decimal(20)),
    "windows.preview": (Decimal(0), Decimal(20_000)),
    "windows.final": (Decimal(0), Decimal(20_000)),
    "windows.tokens": (Decimal(500), Decimal(10) ** 9),
    "windows.match": (Decimal("0.5"), Decimal(1)),
    "windows.overlap": (Decimal(0), Decimal("0.5")),
}
"""What a bound on a measure is usually within, in the measure's unit, generously: an edited model
that is four times as perplexed, or agrees on a quarter of the tokens, is another model."""

_PRECISION: Final = 100
_OTHER: Final = {
    "windows.final": "`windows.tokens` counts tokens",
    "windows.preview": "preview windows are counted, not their tokens",
    "windows.tokens": "`windows.final` counts windows",
}


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each number of a gate that lies outside :data:`USUAL`."""
    for placed in linted.statements():
        gate = placed.statement
        if not isinstance(gate, Gate):
            continue
        name = gate.subject.name.text.removesuffix(".point")
        for quantity in _numbers(gate) if name in USUAL else ():
            measure, usual = MEASURES[name], USUAL[name]
            value = number(measure, quantity)
            if not usual[0] <= value <= usual[1]:
                message = (
                    f"`{shown(quantity.text)}` is far from what a bound on `{name}` is usually, "
                    f"`{describe(interval_of(*usual))}`"
                )
                yield Hit(message, _hint(measure, value, usual), quantity.span)


def _numbers(gate: Gate) -> tuple[Quantity, ...]:
    match gate.relation:
        case Bound(value=Quantity() as value):
            return (value,)
        case Inside(low=low, high=high):
            return low, high
        case _:
            return ()


def _hint(measure: Measure, value: Decimal, usual: tuple[Decimal, Decimal]) -> str:
    """The number that was probably meant: a ratio a hundred times as large or small, if that is
    usual."""
    with localcontext() as context:
        context.prec = _PRECISION
        if measure.unit is Unit.RATIO and usual[0] <= value.scaleb(-2) <= usual[1]:
            return f"did you mean `{decimal_text(value)}%`?"
        if measure.unit is Unit.RATIO and usual[0] <= value.scaleb(2) <= usual[1]:
            return f"did you mean `{decimal_text(value.scaleb(2))}`?"
    unit = "percentage points" if measure.unit is Unit.PP else measure.unit
    return _OTHER.get(measure.name, f"`{measure.name}` is in {unit}; check the number")


RULE: Final = Rule(
    "unlikely-bound",
    "warning",
    "a bound so far from what is usual that its unit was probably mistaken",
    check,
    __file__,
)
