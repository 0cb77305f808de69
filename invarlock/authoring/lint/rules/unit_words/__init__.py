"""Units left out where they are not obvious, and written where they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Edit, Hit, Rule
from invarlock.authoring.lint.linted import Linted, Number
from invarlock.policy.catalogue import Unit

_DROPPED: Final = frozenset({Unit.RATIO, Unit.COUNT, Unit.WINDOWS})
"""The bare number says as much."""


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each number without its unit, and each with a word too many."""
    for number in linted.numbers():
        unit, quantity = number.unit, number.quantity
        written = quantity.unit == unit.value
        if written and unit in _DROPPED:
            message = f"`{unit.value}` adds nothing to `{number.name}`"
            yield _hit(linted, number, message, quantity.number)
        elif not number.stated and _needed(number):
            message = f"`{quantity.number}` of `{number.name}` does not say its unit"
            yield _hit(linted, number, message, f"{quantity.number} {unit.value}")


def _needed(number: Number) -> bool:
    if number.unit is Unit.TOKENS:
        return not number.name.endswith(".tokens")
    return number.unit is Unit.NATS


def _hit(linted: Linted, number: Number, message: str, text: str) -> Hit:
    span = number.quantity.span
    return Hit(message, f"write `{text}`", span, Edit(*linted.bounds(span), text))


RULE: Final = Rule(
    "unit-words",
    "info",
    "a unit left out where it is not obvious, or written where it is",
    check,
    __file__,
    fixable=True,
)
