"""Warnings (E119) about gates that decide nothing, since another one implies them.

Gates that repeat what they refine, or that tighten no tier, are found where bars are resolved
(:mod:`invarlock.policy.resolve`). Here are those implied by a gate on another key, by what the
catalogue declares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from invarlock.policy.checked import PlacedGate
from invarlock.policy.intervals import describe_relation, is_subset
from invarlock.policy.ir import Gate, Interval, PolicyIR, Target, gate_id
from invarlock.policy.order import RELATED, largest_of_families, never_below
from invarlock.policy.problems import Problems
from invarlock.policy.resolve import Resolved

_EACH = Target(kind="each", name="family")


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
        related = {
            key: gate
            for key, gate in zip(sorted(placed), bar.gates, strict=True)
            if gate.measure in RELATED
        }
        implied = {pair.gate.id: pair for pair in implications(related)}
        needed |= {id(placed[key]) for key in related if key not in implied}
        for key, pair in implied.items():
            found.setdefault(id(placed[key]), (placed[key], pair, placed[pair.by.id]))
    for number, (gate, pair, by) in found.items():
        if number not in needed and not gate.span.file:
            message = f"{_said(pair.gate)} is implied by {_said(pair.by)} on {by.span.words}"
            problems.warn("E119", message, "remove it, or tighten it", gate.span, by.span)


def implications(related: Mapping[str, Gate]) -> Iterator[Implied]:
    """Those of the gates, by id and with canonical relations, that another one implies."""
    for gate in related.values():
        for name in never_below(gate.measure):
            other = related.get(gate_id(name, gate.target))
            if other is not None:
                yield from _one_way(small=other, large=gate)
        if gate.target is not None and largest_of_families(gate.measure):
            yield from _part(gate, related)


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
