"""Gates of one bar that no evidence satisfies together, each possible by itself (DESIGN section 3).

What binds them is declared in the catalogue: measures that are never below one another, the whole
that is the largest of its families, a mean that is no larger than its root mean square, windows
that hold so many tokens, slices that are parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import MEASURES
from invarlock.policy.floors import fewest_windows, scored_tokens
from invarlock.policy.intervals import describe_relation, intersect_intervals, is_empty, reach
from invarlock.policy.ir import Gate, Interval, Target, gate_id
from invarlock.policy.order import RELATED, largest_of_families, never_below

_WIDEN: Final = "widen one of the two"
_COUNTS: Final = frozenset({"windows.preview", "windows.final", "windows.tokens"})
_BOUND: Final = (
    RELATED
    | _COUNTS
    | {name for name, measure in MEASURES.items() if "windows" in measure.evidence}
)
"""Measures that something else in a bar can contradict."""


class Conflict(NamedTuple):
    """Two gates by id, or one twice, and why nothing passes both; ``{place}`` in ``message`` stands
    for where ``other`` is written."""

    one: str
    other: str
    message: str
    hint: str = _WIDEN


def conflicts(
    gates: Mapping[str, Gate], settings: Mapping[str, str], task: str
) -> Iterator[Conflict]:
    """Every contradiction among the required ones of ``gates``, under all ``settings`` of a bar for
    ``task``."""
    required = {
        key: gate
        for key, gate in gates.items()
        if gate.level == "require" and gate.measure in _BOUND
    }
    related = {key: gate for key, gate in required.items() if gate.measure in RELATED}
    yield from _ordered(related)
    yield from _families(related)
    yield from _sizes(related)
    counts = {key: gate for key, gate in required.items() if gate.measure in _COUNTS}
    if counts:
        scored = scored_tokens(task, settings)
        yield from _windows(counts, required, settings, scored)


def _reach(gate: Gate) -> Interval:
    if not isinstance(gate.relation, Interval):
        raise TypeError("a gate on words has no interval")
    return reach(gate.relation, MEASURES[gate.measure])


def _said(gate: Gate) -> str:
    return f"`{gate.id} {describe_relation(gate)}`"


def _above(small: Gate, large: Gate, why: str) -> Iterator[Conflict]:
    """A conflict if the measure of ``small``, never above that of ``large``, has to be."""
    floor, ceiling = _reach(small), _reach(large)
    between = Interval(
        low=floor.low,
        low_closed=floor.low_closed,
        high=ceiling.high,
        high_closed=ceiling.high_closed,
    )
    if is_empty(between):
        message = f"{_said(large)} contradicts {_said(small)} on {{place}}: {why}"
        yield Conflict(large.id, small.id, message)


def _ordered(gates: Mapping[str, Gate]) -> Iterator[Conflict]:
    for large in gates.values():
        for name in never_below(large.measure):
            small = gates.get(gate_id(name, large.target))
            if small is not None:
                why = f"`{large.measure}` is never below `{name}`"
                yield from _above(small, large, why)


def _families(gates: Mapping[str, Gate]) -> Iterator[Conflict]:
    for part in gates.values():
        if part.target is None or not largest_of_families(part.measure):
            continue
        whole = gates.get(part.measure)
        each = gates.get(gate_id(part.measure, Target(kind="each", name="family")))
        if whole is not None:
            why = f"the whole is the largest of its families, {part.target.name} or another"
            yield from _above(part, whole, why)
        if part is each and whole is not None:
            yield from _above(whole, part, "the whole is the largest of its families")
        elif each is not None and is_empty(intersect_intervals(_reach(part), _reach(each))):
            message = f"{_said(part)} contradicts {_said(each)} on {{place}}, which binds it, too"
            yield Conflict(part.id, each.id, message)


def _sizes(gates: Mapping[str, Gate]) -> Iterator[Conflict]:
    for gate in gates.values():
        limit = gates.get(gate_id(MEASURES[gate.measure].within, gate.target))
        if limit is None:
            continue
        ceiling = _reach(limit)
        between = Interval(high=ceiling.high, high_closed=ceiling.high_closed)
        if is_empty(intersect_intervals(between, _size(_reach(gate)))):
            message = (
                f"{_said(gate)} contradicts {_said(limit)} on {{place}}: "
                f"`{gate.measure}` is never larger than `{limit.measure}`, whatever its sign"
            )
            yield Conflict(gate.id, limit.id, message)


def _size(interval: Interval) -> Interval:
    """What the numbers of ``interval`` are at least, without their sign."""
    if interval.low is not None and Decimal(interval.low) >= 0:
        return Interval(low=interval.low, low_closed=interval.low_closed)
    if interval.high is not None and Decimal(interval.high) <= 0:
        least = decimal_text(abs(Decimal(interval.high)))
        return Interval(low=least, low_closed=interval.high_closed)
    return Interval(low="0")


# --- windows -------------------------------------------------------------------------------------


class _Count(NamedTuple):
    """A number of windows, and the gate that says so."""

    windows: int
    gate: Gate


def _windows(
    counts: Mapping[str, Gate],
    gates: Mapping[str, Gate],
    settings: Mapping[str, str],
    scored: int | None,
) -> Iterator[Conflict]:
    """Conflicts of ``counts``, the gates on numbers of windows and tokens, with one another and
    with what ``gates`` need. Where windows do not score equally many tokens, those of tokens say
    nothing of windows."""
    length = int(settings["windows.length"])
    floors: list[_Count] = []
    by_target: dict[Target | None, list[Gate]] = {}
    for gate in gates.values():
        by_target.setdefault(gate.target, []).append(gate)
    targets = {gate.target for gate in counts.values()}
    for target in sorted(targets, key=lambda t: "" if t is None else t.name):
        floor, ceiling = _range(counts, target, scored)
        if floor is not None and ceiling is not None and floor.windows > ceiling.windows:
            yield _too_many(floor, ceiling, length)
        if floor is not None and target is not None:
            floors.append(floor)
        if ceiling is not None:
            measured = gates.values() if target is None else by_target[target]
            yield from _too_few(measured, ceiling, settings)
    yield from _parts(counts, floors, scored)
    yield from _no_preview(gates)


def _range(
    gates: Mapping[str, Gate], target: Target | None, scored: int | None
) -> tuple[_Count | None, _Count | None]:
    """The fewest and the most final windows that ``target`` may have."""
    floors, ceilings = [], []
    for name, size in (("windows.final", 1), ("windows.tokens", scored)):
        gate = gates.get(gate_id(name, target))
        if gate is None or size is None:
            continue
        interval = _reach(gate)
        if interval.low is not None:
            floors.append(_Count(-(-int(Decimal(interval.low)) // size), gate))
        if interval.high is not None:
            ceilings.append(_Count(int(Decimal(interval.high)) // size, gate))
    most = max(floors, key=lambda found: found.windows, default=None)
    return most, min(ceilings, key=lambda found: found.windows, default=None)


def _too_many(floor: _Count, ceiling: _Count, length: int) -> Conflict:
    if floor.gate is ceiling.gate:
        message = f"no number of windows of {length} tokens satisfies {_said(floor.gate)}"
        return Conflict(floor.gate.id, floor.gate.id, message, "widen it")
    message = (
        f"{_said(floor.gate)} takes {floor.windows} windows of {length} tokens, and "
        f"{_said(ceiling.gate)} on {{place}} allows {ceiling.windows}"
    )
    return Conflict(floor.gate.id, ceiling.gate.id, message)


def _too_few(
    gates: Iterable[Gate], ceiling: _Count, settings: Mapping[str, str]
) -> Iterator[Conflict]:
    """Those of ``gates`` on final windows that ``ceiling`` leaves without enough of them."""
    for gate in gates:
        needed = fewest_windows(gate, settings)
        if ceiling.windows < needed:
            message = (
                f"{_said(gate)} needs {needed} or more windows, and "
                f"{_said(ceiling.gate)} on {{place}} allows {ceiling.windows}"
            )
            yield Conflict(gate.id, ceiling.gate.id, message)


def _parts(
    gates: Mapping[str, Gate], floors: list[_Count], scored: int | None
) -> Iterator[Conflict]:
    """Slices have no window in common: together they take no more than there are."""
    together = sum(floor.windows for floor in floors)
    _, ceiling = _range(gates, None, scored)
    if ceiling is not None and together > ceiling.windows:
        largest = max(floors, key=lambda found: found.windows)
        among = "" if len(floors) == 1 else f", with the other slices {together}"
        message = (
            f"{_said(largest.gate)} takes {largest.windows} windows{among}, and "
            f"{_said(ceiling.gate)} on {{place}} allows {ceiling.windows} in all"
        )
        yield Conflict(largest.gate.id, ceiling.gate.id, message)


def _no_preview(gates: Mapping[str, Gate]) -> Iterator[Conflict]:
    preview = gates.get("windows.preview")
    if preview is None or _reach(preview).high != "0":
        return
    for gate in gates.values():
        if "preview" in MEASURES[gate.measure].evidence:
            message = f"{_said(gate)} needs preview windows, and {_said(preview)} on {{place}}"
            yield Conflict(gate.id, preview.id, message)
