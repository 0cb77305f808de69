"""Warnings about a policy that is valid, and says less than its writer may think."""

from __future__ import annotations

from typing import Final

from invarlock.policy.ir import BarIR, PolicyIR
from invarlock.policy.problems import Problems
from invarlock.policy.span import Span

_PINS: Final = ("data.digest", "baseline.digest")
_FLOORS: Final = ("windows.final", "windows.tokens")


def advise(ir: PolicyIR, place: Span, problems: Problems) -> None:
    """Warn, at ``place``, of what no bar of the policy does: pin its inputs, set a floor."""
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
