"""Large numbers whose digits are hard to count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Edit, Hit, Rule
from invarlock.authoring.lint.linted import Linted

UNGROUPED: Final = 4
"""Digits before the point that may stand without groups."""


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each number with five digits or more ungrouped, or with uneven groups."""
    for number in linted.numbers():
        written = number.quantity.number
        text = grouped(written)
        if text != written:
            span = number.quantity.span
            start, _ = linted.bounds(span)
            edit = Edit(start, start + len(written), text)
            yield Hit(f"the digits of `{written}` are hard to count", f"write `{text}`", span, edit)


def grouped(written: str) -> str:
    """``written`` with its digits in threes; four or fewer stay as they are if ungrouped."""
    sign = "-" if written.startswith("-") else ""
    whole, point, fraction = written.removeprefix("-").partition(".")
    digits = whole.replace("_", "")
    if len(digits) <= UNGROUPED and "_" not in whole:
        return written
    head = len(digits) % 3
    groups = [digits[:head]] if head else []
    groups += [digits[place : place + 3] for place in range(head, len(digits), 3)]
    return sign + "_".join(groups) + point + fraction


RULE: Final = Rule(
    "digit-groups",
    "info",
    "a large number without digit groups, or with uneven ones",
    check,
    __file__,
    fixable=True,
)
