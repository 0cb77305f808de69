"""Checks that gates and settings are for the task of the policy."""

from __future__ import annotations

from collections.abc import Iterable

from invarlock.policy.catalogue import MEASURES, SETTINGS
from invarlock.policy.checked import Scope
from invarlock.policy.names import one_of
from invarlock.policy.problems import Problems


def check_task(task: str, scopes: Iterable[Scope], problems: Problems) -> None:
    """Report (E138) every gate on a measure that does not exist for ``task``, and every setting
    that means nothing for it."""
    for scope in scopes:
        for placed in scope.gates.values():
            fault = measure_fault(placed.gate.measure, task)
            if fault is not None:
                problems.add("E138", *fault, placed.span)
        for name, setting in scope.settings.items():
            fault = setting_fault(name, setting.value, task)
            if fault is not None:
                problems.add("E138", *fault, setting.span)


def measure_fault(measure: str, task: str) -> tuple[str, str] | None:
    """What is wrong with a gate on ``measure`` for ``task``, and what to do; ``None`` if nothing.

    A measure unknown to this version has none: it is a fault of another kind.
    """
    known = MEASURES.get(measure)
    if known is None or known.measured_for(task):
        return None
    others = [m.name for m in MEASURES.values() if m.tasks and task in m.tasks and m.interval]
    message = f"`{measure}` is not measured for the task `{task}`"
    return message, f"it is for {one_of(known.tasks)}; for `{task}` gate {one_of(others)}"


def setting_fault(name: str, value: str, task: str) -> tuple[str, str] | None:
    """The same of a setting."""
    known = SETTINGS.get(name)
    if known is None or not known.tasks or task in known.tasks or value == known.default:
        return None
    return (
        f"`{name} = {value}` means nothing for the task `{task}`",
        f"it is for {one_of(known.tasks)}; leave it out",
    )
