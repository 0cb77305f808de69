"""Resolved bars → versioned IR: all settings explicit, gates sorted by id, relations canonical,
no places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from invarlock.policy.catalogue import MEASURES, SETTINGS
from invarlock.policy.checked import Checked
from invarlock.policy.intervals import canonical
from invarlock.policy.ir import BarIR, Gate, PolicyIR
from invarlock.policy.resolve import Resolved


def lower(checked: Checked, bars: Mapping[str, Resolved]) -> PolicyIR:
    """The IR of a policy without errors."""
    done: dict[int, Gate] = {}
    lowered = {name: _bar(checked.task, bars[name], done) for name in sorted(bars)}
    return PolicyIR(language=checked.language, task=checked.task, bars=lowered)


def _bar(task: str, bar: Resolved, done: dict[int, Gate]) -> BarIR:
    settings = {name: setting.default for name, setting in sorted(SETTINGS.items())}
    settings |= {name: placed.value for name, placed in bar.settings.items()}
    gates = tuple(_gate(bar.gates[key].gate, done) for key in sorted(bar.gates))
    return BarIR(task=task, settings=settings, gates=gates)


def _gate(gate: Gate, done: dict[int, Gate]) -> Gate:
    """``gate`` with a canonical relation. Bars share gates, so that each is lowered once."""
    if id(gate) not in done:
        relation = canonical(gate.relation, MEASURES[gate.measure])
        done[id(gate)] = gate if relation == gate.relation else replace(gate, relation=relation)
    return done[id(gate)]
