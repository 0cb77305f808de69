"""Warnings about a policy that is valid, and says less than its writer may think."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from invarlock.policy.catalogue import MEASURES, Measure
from invarlock.policy.checked import Checked, PlacedGate
from invarlock.policy.floors import final_windows, needs_preview
from invarlock.policy.intervals import describe, describe_relation, range_interval, reach
from invarlock.policy.ir import BarIR, Interval, Member, PolicyIR
from invarlock.policy.order import stronger
from invarlock.policy.problems import Problems
from invarlock.policy.resolve import Resolved
from invarlock.policy.span import Span

_PINS: Final = ("data.digest", "baseline.digest")
_LISTED: Final = 3
"""Bars that one message names."""


def advise(
    ir: PolicyIR, bars: Mapping[str, Resolved], checked: Checked, problems: Problems
) -> None:
    """Warn of gates that bound the harmless side only (E118), or whose words leave out a stronger
    one (E121) or none (E119), where they stand; at the policy's name, of inputs that no bar pins
    (E117); and, at the profile or tier, of bars that cannot be run (E004)."""
    # Bars are looked at, not blocks: a profile may add the bound that its tier left out. What an
    # included file says, its own check is told.
    placed = {
        id(gate): gate for bar in bars.values() for gate in bar.gates.values() if not gate.span.file
    }
    _harmless(placed.values(), problems)
    for found in placed.values():
        if isinstance(found.gate.relation, Member):
            _words(found, found.gate.relation, problems)
    _loose(ir, checked.span, problems)
    if any(map(final_windows, ir.bars.values())):
        _idle(ir, bars, checked, problems)
    else:
        hint = "require `windows.final`, at least in a profile"
        message = "no bar sets a window floor, so none can be run"
        problems.warn("E004", message, hint, checked.span)


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


def _loose(ir: PolicyIR, place: Span, problems: Problems) -> None:
    bars = list(ir.bars.values())
    loose = [name for name in _PINS if not any(_requires(bar, name) for bar in bars)]
    if loose:
        names = " and ".join(f"`{name}`" for name in loose)
        message = f"no bar pins {names}: any would do"
        problems.warn("E117", message, "require them, at least in a profile", place)


def _idle(ir: PolicyIR, bars: Mapping[str, Resolved], checked: Checked, problems: Problems) -> None:
    """Warn of the bars that cannot be run, where each lacks a floor: at its profile, or at its
    tier where there is none. Beside profiles, a bare tier may leave its floors to them."""
    for profile in checked.profiles.values():
        names = {f"{tier.name}+{profile.name}": tier.span for tier in checked.tiers.values()}
        short = [name for name in names if not final_windows(ir.bars[name])]
        hint = f"require it in the profile `{profile.name}`, or at the top level"
        if short:
            message = f"{_listed(short)} cannot be run: no floor under `windows.final`"
            problems.warn("E004", message, hint, profile.span, names[short[0]])
        rest = [name for name in names if name not in short]
        _no_preview(rest, ir, bars, problems, place=profile.span, hint=hint)
    for tier in () if checked.profiles else checked.tiers.values():
        hint = f"require it in the tier `{tier.name}`, or at the top level"
        if final_windows(ir.bars[tier.name]):
            _no_preview([tier.name], ir, bars, problems, place=tier.span, hint=hint)
        else:
            message = f"`{tier.name}` cannot be run: no floor under `windows.final`"
            problems.warn("E004", message, hint, tier.span)


def _no_preview(
    names: Iterable[str],
    ir: PolicyIR,
    bars: Mapping[str, Resolved],
    problems: Problems,
    *,
    place: Span,
    hint: str,
) -> None:
    """Warn at ``place`` of those of the bars ``names`` that lack a floor under preview windows."""
    needy = {name: gate for name in names if (gate := needs_preview(ir.bars[name])) is not None}
    for name, gate in islice(needy.items(), 1):
        other = bars[name].gates[gate.id].span
        message = (
            f"{_listed([*needy])} cannot be run: `{gate.id} {describe_relation(gate)}` on "
            f"{other.words} needs a floor under `windows.preview`"
        )
        problems.warn("E004", message, hint, place, other)


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names[:_LISTED]]
    if len(names) > _LISTED:
        shown.append(f"{len(names) - _LISTED} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def _requires(bar: BarIR, measure: str) -> bool:
    return any(gate.measure == measure and gate.level == "require" for gate in bar.gates)
