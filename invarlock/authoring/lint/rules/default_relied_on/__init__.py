"""Settings that a policy leaves to the defaults of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from invarlock.authoring.lint.finding import Edit, Hit, Rule
from invarlock.authoring.lint.linted import Linted, setting_key
from invarlock.canonical import decimal_text
from invarlock.policy import kinds as policy
from invarlock.policy.catalogue import SETTINGS, Unit
from invarlock.policy.syntax import Gate, Include, Setting, Word


def choices(task: str) -> tuple[policy.Setting, ...]:
    """Settings that could be otherwise for ``task``."""
    return tuple(
        known
        for known in SETTINGS.values()
        if (known.unit is not None or len(known.words) > 1)
        and (not known.tasks or task in known.tasks)
    )


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each of :func:`choices` that the file never sets, though a gate of it may follow
    from it. An include may set it."""
    placed = list(linted.statements())
    if any(isinstance(found.statement, Include) for found in placed):
        return
    settings = [(f.statement, f.around) for f in placed if isinstance(f.statement, Setting)]
    written = {setting_key(setting, around) for setting, around in settings}
    task = next(s for s, around in settings if s.name.text == "task" and not around)
    gated = {f.statement.subject.name.text for f in placed if isinstance(f.statement, Gate)}
    for choice in choices(task.value.text if isinstance(task.value, Word) else ""):
        if choice.name not in written and choice.measure in {"", *gated}:
            value = _written(choice.default, choice.unit)
            message = f"`{choice.name}` is not set, so its default {value} holds"
            edit = _edit(linted, task, f"{choice.name} = {value}")
            yield Hit(message, f"write `{choice.name} = {value}`", linted.name_span(), edit)


def _written(default: str, unit: Unit | None) -> str:
    if unit is Unit.RATIO:
        return decimal_text(Decimal(default).scaleb(2)) + "%"
    return f"{default} {unit.value}" if unit in {Unit.TOKENS, Unit.NATS} else default


def _edit(linted: Linted, task: Setting, line: str) -> Edit | None:
    """Insert ``line`` after that of ``task``, unless more code stands there."""
    place = task.span.end_line
    row = linted.row(place)
    rest = row[task.span.end_column - 1 :].strip()
    if rest and not rest.startswith("#"):
        return None
    end = linted.lines.offset(place, len(row) + 1)
    return Edit(end, end, f"\n{line}")


RULE: Final = Rule(
    "default-relied-on",
    "info",
    "a setting is left to its default",
    check,
    __file__,
    fixable=True,
)
