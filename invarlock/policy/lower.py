"""Resolved bars → versioned IR: all settings explicit, gates sorted by id, no places."""

from __future__ import annotations

from collections.abc import Mapping

from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.checked import Checked
from invarlock.policy.ir import BarIR, PolicyIR
from invarlock.policy.resolve import Resolved


def lower(checked: Checked, bars: Mapping[str, Resolved]) -> PolicyIR:
    """The IR of a policy without errors."""
    lowered = {name: _bar(checked.task, bars[name]) for name in sorted(bars)}
    return PolicyIR(language=checked.language, task=checked.task, bars=lowered)


def _bar(task: str, bar: Resolved) -> BarIR:
    settings = {name: setting.default for name, setting in sorted(SETTINGS.items())}
    settings |= {name: placed.value for name, placed in bar.settings.items()}
    gates = tuple(bar.gates[key].gate for key in sorted(bar.gates))
    return BarIR(task=task, settings=settings, gates=gates)
