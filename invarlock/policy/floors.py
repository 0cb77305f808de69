"""The floors of a bar: how much it asks to be measured, and so the least that satisfies it.

The engine runs the smallest schedule that satisfies a bar (DESIGN section 3). A bar without a
floor under its final windows, or with a gate on preview windows and none under those, has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from invarlock.policy.catalogue import MEASURES
from invarlock.policy.ir import BarIR, Gate, Interval


def floor(bar: BarIR, measure: str) -> int | None:
    """The smallest whole number that all gates on ``measure`` let in; ``None`` without a bound.

    Gates on a slice set no floor: schedules are drawn from all windows.
    """
    return max(_lows(bar, measure), default=None)


def final_windows(bar: BarIR) -> int:
    """The fewest final windows that satisfy the floors of ``bar``; 0 where it sets none.

    Where it sets one, no fewer than its gates on the whole need to be decided. Where windows do
    not score equally many tokens, a floor under those sets no floor under windows: how many there
    are is known when the data are cut.
    """
    tokens = floor(bar, "windows.tokens") or 0
    scored = scored_tokens(bar.task, bar.settings)
    asked = max(floor(bar, "windows.final") or 0, 0 if scored is None else -(-tokens // scored))
    needed = (fewest_windows(gate, bar.settings) for gate in bar.gates if gate.target is None)
    return max(asked, *needed, 0) if asked else 0


def fewest_windows(gate: Gate, settings: Mapping[str, str]) -> int:
    """The final windows without which ``gate`` is not decided: as many as the documents that an
    interval is made from, or as the measure declares; 0 for what is not made of windows."""
    measure = MEASURES.get(gate.measure)
    if measure is None or "final windows" not in measure.evidence:
        return 0
    if measure.interval and gate.statistic == "estimate":
        return int(settings["estimate.minimum"])
    return max(1, measure.minimum)


def scored_tokens(task: str, settings: Mapping[str, str]) -> int | None:
    """How many tokens every window scores under ``settings``; ``None`` where windows differ."""
    length = int(settings["windows.length"])
    if task == "masked_lm":
        return masked_tokens(length)
    if task == "causal_lm" and settings["windows.content"] == "text":
        return length - 1
    return None


def masked_tokens(length: int) -> int:
    """How many of a window's ``length`` tokens are masked: 15%, rounded half up, one at least.

    Source: Devlin et al., BERT (2019), section 3.1.
    """
    return max(1, (15 * length + 50) // 100)


def needs_preview(bar: BarIR) -> Gate | None:
    """The first gate of ``bar`` that is judged by preview windows, if it has one and sets no
    floor under them."""
    if floor(bar, "windows.preview"):
        return None
    known = (gate for gate in bar.gates if gate.measure in MEASURES)
    return next((gate for gate in known if "preview" in MEASURES[gate.measure].evidence), None)


def _lows(bar: BarIR, measure: str) -> Iterator[int]:
    for gate in bar.gates:
        relation = gate.relation
        if gate.measure != measure or gate.target is not None:
            continue
        if isinstance(relation, Interval) and relation.low is not None:
            low = Decimal(relation.low)
            whole = int(low.to_integral_value(rounding="ROUND_CEILING"))
            yield whole if relation.low_closed or whole > low else whole + 1
