"""A point estimate that decides where an interval could."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted
from invarlock.policy.ir import Gate as Decided
from invarlock.policy.syntax import Gate


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each required ``.point`` that decides in a bar where no interval does."""
    alone = {
        linted.compiled.spans[name][gate.id]
        for name, bar in linted.compiled.ir.bars.items()
        for gate in bar.gates
        if gate.level == "require" and gate.statistic == "point" and not _backed(gate, bar.gates)
    }
    for placed in linted.statements():
        gate = placed.statement
        name = gate.subject.name if isinstance(gate, Gate) else None
        if name is not None and gate.span in alone and name.text.endswith(".point"):
            whole = name.text.removesuffix(".point")
            message = f"`{name.text}` decides alone: chance passes what a larger sample would not"
            yield Hit(message, f"require `{whole}`, whose interval decides", name.span)


def _backed(point: Decided, gates: tuple[Decided, ...]) -> bool:
    return any(
        gate.level == "require"
        and gate.statistic == "estimate"
        and (gate.measure, gate.target) == (point.measure, point.target)
        for gate in gates
    )


RULE: Final = Rule(
    "point-alone",
    "warning",
    "a point estimate decides without the interval of the same measure",
    check,
    __file__,
)
