"""Warnings about a policy that is valid, and says less than its writer may think."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from invarlock.policy.catalogue import MEASURES, Measure
from invarlock.policy.intervals import describe, range_interval, reach
from invarlock.policy.ir import BarIR, Interval, PolicyIR
from invarlock.policy.problems import Problems
from invarlock.policy.resolve import Resolved
from invarlock.policy.span import Span

_PINS: Final = ("data.digest", "baseline.digest")
_FLOORS: Final = ("windows.final", "windows.tokens")


def advise(ir: PolicyIR, bars: Iterable[Resolved], place: Span, problems: Problems) -> None:
    """Warn of gates that bound the harmless side only, where they stand (E118); and, at
    ``place``, of what no bar of the policy does: pin its inputs (E117), set a floor (E004)."""
    _harmless(bars, problems)
    _absent(ir, place, problems)


def _harmless(bars: Iterable[Resolved], problems: Problems) -> None:
    """Bars are looked at, not blocks: a profile may add the bound that its tier left out."""
    placed = {id(gate): gate for bar in bars for gate in bar.gates.values()}
    for found in placed.values():
        measure, relation = MEASURES[found.gate.measure], found.gate.relation
        if isinstance(relation, Interval) and _accepts_the_worst(relation, measure):
            side, sign = measure.harmful, "<=" if measure.harmful == "above" else ">="
            message = (
                f"`{found.gate.id} {describe(relation)}` sets no bound {side}, "
                "the side on which the subject is worse"
            )
            problems.warn("E118", message, f"write `{sign} …` or `in [LOW, HIGH]`", found.span)


def _accepts_the_worst(relation: Interval, measure: Measure) -> bool:
    """Whether ``relation`` goes on to the harmful end of what the measure can be at all."""
    kept, limits = reach(relation, measure), range_interval(measure.range)
    match measure.harmful:
        case "above":
            return (kept.high, kept.high_closed) == (limits.high, limits.high_closed)
        case "below":
            return (kept.low, kept.low_closed) == (limits.low, limits.low_closed)
        case _:
            return False


def _absent(ir: PolicyIR, place: Span, problems: Problems) -> None:
    bars = list(ir.bars.values())
    loose = [name for name in _PINS if not any(_requires(bar, name) for bar in bars)]
    if loose:
        names = " and ".join(f"`{name}`" for name in loose)
        message = f"no bar pins {names}: any would do"
        problems.warn("E117", message, "require them, at least in a profile", place)
    if not any(_requires(bar, name) for bar in bars for name in _FLOORS):
        hint = "require `windows.final`, at least in a profile"
        problems.warn("E004", "no bar sets a window floor, so none can be run", hint, place)


def _requires(bar: BarIR, measure: str) -> bool:
    return any(gate.measure == measure and gate.level == "require" for gate in bar.gates)
