"""Quantities as written → exact decimals in the unit of a measure or setting."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from typing import Final

from invarlock.policy.catalogue import Unit
from invarlock.policy.diagnostics import shown
from invarlock.policy.intervals import WHOLE_UNITS
from invarlock.policy.names import nearest
from invarlock.policy.problems import Problem
from invarlock.policy.syntax import Quantity

MAX_DIGITS: Final = 40
"""Digits of a number. More would be no measurement, and cost time without bound."""

_HINTS: Final = {
    Unit.RATIO: "write a plain number or a percentage, such as `1.05` or `105%`",
    Unit.PP: "write percentage points, such as `-1 pp`",
    Unit.NATS: "write nats, such as `0.05 nats`",
    Unit.COUNT: "write a plain number",
    Unit.TOKENS: "write a whole number of `tokens`",
    Unit.WINDOWS: "write a whole number of `windows`",
}


def convert(quantity: Quantity, unit: Unit, name: str, *, whole: bool = False) -> Decimal:
    """The exact value of ``quantity`` in ``unit``, which the measure or setting ``name`` has.

    A bare number is in the measure's own unit, except percentage points, which are always
    written. ``%`` is a hundredth of a ratio. Raises :class:`Problem` E103 on another unit or on a
    fraction where things are counted, E104 on a number of too many digits.
    """
    text = quantity.number.replace("_", "")
    if sum(char.isdigit() for char in text) > MAX_DIGITS:
        message = f"`{shown(quantity.number)}` has more than {MAX_DIGITS} digits"
        raise Problem("E104", message, "write a shorter number", quantity.span)
    with localcontext() as context:
        context.prec = 2 * MAX_DIGITS
        value = Decimal(text)
        if quantity.unit == "%" and unit is Unit.RATIO:
            value = value.scaleb(-2)
        elif not _fits(quantity.unit, unit):
            found = f"`{shown(quantity.text)}` is not in the unit of `{name}`, {_spelt(unit)}"
            raise Problem("E103", found, _hint(quantity, unit), quantity.span)
        if (whole or unit in WHOLE_UNITS) and value != value.to_integral_value():
            found = f"`{shown(quantity.text)}` is no whole number, but `{name}` is counted"
            raise Problem("E103", found, "write a whole number", quantity.span)
    return value


def _hint(quantity: Quantity, unit: Unit) -> str:
    """How the same number would be written in ``unit``, if it is that close; else an example."""
    written = quantity.unit
    if re.fullmatch(r"e\d{1,2}", written):
        return f"did you mean `{Decimal(quantity.number.replace('_', '') + written):f}`?"
    if unit is Unit.PP and written in {"%", ""}:
        return f"did you mean `{quantity.number} pp`?"
    if unit is Unit.RATIO and written == "pp":
        return "percentage points are a difference; " + _HINTS[unit]
    if nearest(written, [unit.value]):
        return f"did you mean `{quantity.number} {unit.value}`?"
    return _HINTS[unit]


def _fits(written: str, unit: Unit) -> bool:
    return written == unit.value or (written == "" and unit is not Unit.PP)


def _spelt(unit: Unit) -> str:
    return "percentage points" if unit is Unit.PP else unit.value
