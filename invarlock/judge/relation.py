"""A gate's relation in the policy's own spelling."""

from __future__ import annotations

from invarlock.policy.ir import Gate, Interval


def describe(gate: Gate) -> str:
    """Such as ``<= 1.1``, ``in [0.95, 1.05]``, ``== 0`` or ``in {sandbox}``."""
    relation = gate.relation
    if not isinstance(relation, Interval):
        return f"in {{{', '.join(relation.values)}}}"
    if relation.low is None or relation.high is None:
        if relation.high is not None:
            return f"{'<=' if relation.high_closed else '<'} {relation.high}"
        if relation.low is not None:
            return f"{'>=' if relation.low_closed else '>'} {relation.low}"
        return "in (-∞, ∞)"
    if relation.low == relation.high:
        return f"== {relation.low}"
    left = "[" if relation.low_closed else "("
    right = "]" if relation.high_closed else ")"
    return f"in {left}{relation.low}, {relation.high}{right}"
