"""Warnings (E119) about gates that decide nothing, since another one implies them.

Gates that repeat what they refine, or that tighten no tier, are found where bars are resolved
(:mod:`invarlock.policy.resolve`). Here are those implied by a gate on another key, by what the
catalogue declares and by what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final, NamedTuple

from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import MEASURES
from invarlock.policy.checked import PlacedGate
from invarlock.policy.floors import fewest_windows, scored_tokens
from invarlock.policy.intervals import describe_relation, interval_of, is_subset
from invarlock.policy.ir import Gate, Interval, PolicyIR, Target, gate_id
from invarlock.policy.order import RELATED, largest_of_families, never_below
from invarlock.policy.problems import Problems
from invarlock.policy.resolve import Resolved

_SIZES: Final = {"windows.final": "windows.tokens", "windows.tokens": "windows.final"}
"""Two measures of one thing."""
_EACH: Final = Target(kind="each", name="family")


class Implied(NamedTuple):
    """A gate that passes wherever ``by`` does."""

    gate: Gate
    by: Gate


def warn_redundant(ir: PolicyIR, bars: Mapping[str, Resolved], problems: Problems) -> None:
    """Warn of each gate that is implied in every bar it stands in."""
    needed: set[int] = set()
    found: dict[int, tuple[PlacedGate, Implied, PlacedGate]] = {}
    for name, bar in ir.bars.items():
        placed = bars[name].gates
        gates = dict(zip(sorted(placed), bar.gates, strict=True))
        implied = {pair.gate.id: pair for pair in implications(gates, bar.settings, ir.task)}
        needed |= {id(placed[key]) for key in gates if key not in implied}
        for key, pair in implied.items():
            found.setdefault(id(placed[key]), (placed[key], pair, placed[pair.by.id]))
    for number, (gate, pair, by) in found.items():
        if number not in needed and not gate.span.file:
            message = f"{_said(pair.gate)} is implied by {_said(pair.by)} on {by.span.words}"
            problems.warn("E119", message, "remove it, or tighten it", gate.span, by.span)


def implications(
    gates: Mapping[str, Gate], settings: Mapping[str, str], task: str
) -> Iterator[Implied]:
    """Those of the gates of a bar for ``task``, by id and with canonical relations, that another
    one implies under all ``settings`` of the bar."""
    related = {key: gate for key, gate in gates.items() if gate.measure in RELATED}
    for gate in related.values():
        for name in never_below(gate.measure):
            other = related.get(gate_id(name, gate.target))
            if other is not None:
                yield from _one_way(small=other, large=gate)
        if gate.target is not None and largest_of_families(gate.measure):
            yield from _part(gate, related)
        limit = related.get(gate_id(MEASURES[gate.measure].within, gate.target))
        # An interval may reach beyond the limit, and takes more documents than the limit does.
        if limit is not None and gate.statistic == "point" and _bounds(limit, gate):
            yield Implied(gate, limit)
    yield from _windows(gates, settings, task)


def _bounds(limit: Gate, gate: Gate) -> bool:
    """Whether numbers no larger in size than what ``limit`` accepts are accepted by ``gate``."""
    if not isinstance(limit.relation, Interval) or limit.relation.high is None:
        return False
    high, closed = limit.relation.high, limit.relation.high_closed
    low = decimal_text(-Decimal(high))
    both = Interval(low=low, low_closed=closed, high=high, high_closed=closed)
    return _holds(replace(limit, relation=both), gate)


# --- windows -------------------------------------------------------------------------------------


def _windows(
    gates: Mapping[str, Gate], settings: Mapping[str, str], task: str
) -> Iterator[Implied]:
    """Numbers of windows and of tokens that follow from one another, or, on slices, from gates
    that take windows to be judged.

    Tokens are windows times what each scores. A floor in the other unit that is near is wanted for
    when the length is changed: only what follows at half and at twice the length is implied.
    """
    scored = list(_scored(settings, task))
    counts = [gate for gate in gates.values() if gate.measure in _SIZES]
    slices = {gate.target for gate in counts if gate.target is not None}
    takers: dict[Target | None, list[Gate]] = {}
    for gate in gates.values():
        if gate.target in slices and "final windows" in MEASURES[gate.measure].evidence:
            takers.setdefault(gate.target, []).append(gate)
    for gate in counts:
        other = _SIZES[gate.measure]
        by = gates.get(gate_id(other, gate.target))
        if by is not None and scored and all(_follows(by, gate, each) for each in scored):
            # Where each implies the other, it is the tokens that could go.
            mutual = all(_follows(gate, by, each) for each in scored)
            if not mutual or gate.measure == "windows.tokens":
                yield Implied(gate, by)
                continue
        for taker in takers.get(gate.target, ()):
            least = scored[0] if scored else 1
            windows = fewest_windows(taker, settings)
            if _holds(replace(taker, relation=_taken(windows, gate, least)), gate):
                yield Implied(gate, taker)
                break


def _scored(settings: Mapping[str, str], task: str) -> Iterator[int]:
    """Tokens that a window scores at half, once and twice the length; none where windows differ."""
    length = int(settings["windows.length"])
    for each in (length // 2, length, 2 * length):
        found = scored_tokens(task, {**settings, "windows.length": str(each)})
        if found is not None:
            yield found


def _follows(by: Gate, gate: Gate, scored: int) -> bool:
    """Whether the count of ``by``, of windows or of the tokens that they score, has ``gate`` hold
    of the other one."""
    low, high = _ends(by)
    if by.measure == "windows.final":
        low, high = (None if end is None else end * scored for end in (low, high))
    else:
        low = None if low is None else -(-low // scored)
        high = None if high is None else high // scored
    implied = interval_of(
        None if low is None else Decimal(low), None if high is None else Decimal(high)
    )
    return _holds(replace(by, relation=implied), gate)


def _ends(gate: Gate) -> tuple[int | None, int | None]:
    if not isinstance(gate.relation, Interval):
        raise TypeError("a gate on words has no ends")
    low, high = gate.relation.low, gate.relation.high
    return None if low is None else int(low), None if high is None else int(high)


def _taken(windows: int, gate: Gate, scored: int) -> Interval:
    """So many windows at least, or their tokens where ``gate`` counts those."""
    return interval_of(
        Decimal(windows if gate.measure == "windows.final" else windows * scored), None
    )


# --- families ------------------------------------------------------------------------------------


def _part(part: Gate, gates: Mapping[str, Gate]) -> Iterator[Implied]:
    whole, each = gates.get(part.measure), gates.get(gate_id(part.measure, _EACH))
    if whole is not None and _no_floor(whole) and _holds(whole, part):
        yield Implied(part, whole)
    elif each is not None and each is not part and _holds(each, part):
        yield Implied(part, each)


def _one_way(*, small: Gate, large: Gate) -> Iterator[Implied]:
    if _no_floor(large) and _holds(large, small):
        yield Implied(small, large)
    elif _no_ceiling(small) and _holds(small, large):
        yield Implied(large, small)


def _holds(by: Gate, gate: Gate) -> bool:
    """Whether a number that ``by`` accepts is one that ``gate`` accepts; a warning decides
    nothing that is required."""
    if by.level == "warn" and gate.level == "require":
        return False
    if not (isinstance(by.relation, Interval) and isinstance(gate.relation, Interval)):
        return False
    return is_subset(by.relation, gate.relation)


def _no_floor(gate: Gate) -> bool:
    return isinstance(gate.relation, Interval) and gate.relation.low is None


def _no_ceiling(gate: Gate) -> bool:
    return isinstance(gate.relation, Interval) and gate.relation.high is None


def _said(gate: Gate) -> str:
    return f"`{gate.id} {describe_relation(gate)}`"
