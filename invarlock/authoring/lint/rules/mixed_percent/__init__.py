"""One measure bounded now as a decimal and now as a percentage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Final

from invarlock.authoring.lint.finding import Edit, Hit, Rule
from invarlock.authoring.lint.linted import Linted, Number
from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import Unit

_PRECISION: Final = 100


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each number whose measure is more often written the other way."""
    written: dict[str, list[Number]] = defaultdict(list)
    for number in linted.numbers():
        if number.unit is Unit.RATIO:
            written[number.name].append(number)
    for name, numbers in written.items():
        percents = sum(_is_percent(number) for number in numbers)
        decimals = len(numbers) - percents
        if not percents or not decimals:
            continue
        first = _is_percent(numbers[0])
        to_percent = first if percents == decimals else percents > decimals
        for number in numbers:
            if _is_percent(number) != to_percent:
                quantity, text = number.quantity, _other(number)
                message = f"`{name}` is written as {_words(to_percent)} elsewhere in this file"
                edit = Edit(*linted.bounds(quantity.span), text)
                yield Hit(message, f"write `{text}`", quantity.span, edit)


def _is_percent(number: Number) -> bool:
    return number.quantity.unit == "%"


def _other(number: Number) -> str:
    """The same value in the other spelling, exactly."""
    with localcontext() as context:
        context.prec = _PRECISION
        value = Decimal(number.quantity.number.replace("_", ""))
        if _is_percent(number):
            return decimal_text(value.scaleb(-2))
        return decimal_text(value.scaleb(2)) + "%"


def _words(to_percent: bool) -> str:
    return "a percentage" if to_percent else "a decimal"


RULE: Final = Rule(
    "mixed-percent",
    "info",
    "one measure is written both as decimal and as percentage",
    check,
    __file__,
    fixable=True,
)
