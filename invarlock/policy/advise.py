"""Warnings about a policy that is valid, and says less than its writer may think."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from invarlock.policy.catalogue import MEASURES, Measure
from invarlock.policy.checked import PlacedGate
from invarlock.policy.intervals import describe, range_interval, reach
from invarlock.policy.ir import BarIR, Interval, Member, PolicyIR
from invarlock.policy.order import stronger
from invarlock.policy.problems import Problems
from invarlock.policy.resolve import Resolved
from invarlock.policy.span import Span

_PINS: Final = ("data.digest", "baseline.digest")
_FLOORS: Final = ("windows.final", "windows.tokens")


def advise(ir: PolicyIR, bars: Iterable[Resolved], place: Span, problems: Problems) -> None:
    """Warn of gates that bound the harmless side only (E118), or whose words leave out a stronger
    one (E121) or none (E119), where they stand; and, at ``place``, of what no bar of the policy
    does: pin its inputs (E117), set a floor (E004)."""
    # Bars are looked at, not blocks: a profile may add the bound that its tier left out. What an
    # included file says, its own check is told.
    placed = {id(gate): gate for bar in bars for gate in bar.gates.values() if not gate.span.file}
    _harmless(placed.values(), problems)
    for found in placed.values():
        if isinstance(found.gate.relation, Member):
            _words(found, found.gate.relation, problems)
    _absent(ir, place, problems)


def _words(found: PlacedGate, relation: Member, problems: Problems) -> None:
    """Warn of a set that leaves out a stronger word (E121), or none at all (E119)."""
    measure, allowed = MEASURES[found.gate.measure], set(relation.values)
    written = f"`{found.gate.id} {describe(relation)}`"
    if len(measure.words) > 1 and allowed >= set(measure.words):
        message = f"{written} allows every word there is, so the gate never fails"
        problems.warn("E119", message, "allow fewer, or remove it", found.span)
    for word in sorted(allowed):
        left_out = [better for better in stronger(measure, word) if better not in allowed]
        if left_out:
            names = ", ".join(f"`{better}`" for better in left_out)
            message = f"{written} allows `{word}` and not {names}, which is stronger"
            problems.warn("E121", message, f"allow {names}, too", found.span)


def _harmless(placed: Iterable[PlacedGate], problems: Problems) -> None:
    for found in placed:
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
