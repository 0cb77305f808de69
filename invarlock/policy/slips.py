"""Syntax errors that people bring from other languages, and what they would write here instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Final

from invarlock.policy.catalogue import MEASURES, SETTINGS
from invarlock.policy.diagnostics import shown
from invarlock.policy.expected import SyntaxFault
from invarlock.policy.lex import Token
from invarlock.policy.names import STARTERS
from invarlock.policy.quantity import MAX_DIGITS

_REFINES: Final = frozenset({"extend", "extends", "from", "implements", "inherits", "is", "refine"})
_HEAD: Final = frozenset({"NAME", "STRING"})
_NEAR: Final = 50
"""Words on each side that may belong to one that is written without blanks."""
_LONGEST: Final = 100

# Patterns are compiled when they are needed: a policy without errors pays for none of them.
_DIGITS: Final = r"\d[\d_]*"
_EXPONENT: Final = rf"(?<![\w.])([+-]?(?:{_DIGITS}(?:\.\d*)?|\.\d+))[eE]([+-]?\d{{1,2}})(?!\d)"
_PLUS: Final = rf"(?<![\w.])\+({_DIGITS}(?:\.\d+)?)"
_NO_DIGIT_BEFORE: Final = r"(?<![\w.])(-?)\.(\d+)"
_NO_DIGIT_AFTER: Final = rf"(?<![\w.])(-?{_DIGITS})\.(?![\w.])"
_THOUSANDS: Final = r"(?<![\w.,])-?\d{1,3}(?:,\d{3})+(?!,?[\w.])"
_COMMA: Final = rf"(?<![\w.,])(-?{_DIGITS}),(\d+)(?![\w.])"
_DASHED: Final = r"(?<![\w.])[a-z][a-z0-9_.]*(?:-[a-z0-9_.]+)+"


def slip(found: Sequence[Token], position: int, possible: Collection[str]) -> SyntaxFault | None:
    """The fault at ``position``, where only the terminals ``possible`` could stand, if it is one
    that is known by name; ``None`` otherwise."""
    token = found[position]
    if (start := head_goes_on(found, position, possible)) is not None:
        head = takewhile(lambda earlier: earlier.type in _HEAD, reversed(found[:position]))
        words = " ".join([*(word.text for word in head)][::-1])
        rest = "{" if found[start].type == "LBRACE" else "refines …"
        hint = f"write `{shown(words)} {rest}` on one line"
        return SyntaxFault("the head of a block ends with its line", hint, token.start, token.end)
    if "REFINES" in possible and token.text in _REFINES:
        message = f"unexpected `{token.text}`"
        return SyntaxFault(message, "write `refines`", token.start, token.end)
    if runs_on(found, position, possible):
        return _ran_on(token)
    before = found[position - 1] if position else token
    if before.text in STARTERS and found[position - 2].type == "NUMBER" and "SEMICOLON" in possible:
        return _ran_on(before)  # it was taken for the unit of the number
    return _misspelt_number(found, position) or _dashed(found, position)


def head_goes_on(found: Sequence[Token], position: int, possible: Collection[str]) -> int | None:
    """Where the head of a block goes on that a line end at ``position`` interrupts, if it does."""
    if found[position].type != "_NL" or "LBRACE" not in possible or "LSQB" in possible:
        return None
    if found[position - 1].type not in _HEAD:
        return None
    start = next(n for n in range(position, len(found)) if found[n].type != "_NL")
    return start if found[start].type == "LBRACE" or found[start].text == "refines" else None


def runs_on(found: Sequence[Token], position: int, possible: Collection[str]) -> bool:
    """Whether a statement begins at ``position`` on the line of one that is whole."""
    token = found[position]
    if token.type != "NAME" or "SEMICOLON" not in possible:
        return False
    return token.text in STARTERS or found[position - 1].type == "RBRACE"


def _ran_on(token: Token) -> SyntaxFault:
    message = f"`{shown(token.text)}` stands on the line of another statement"
    return SyntaxFault(message, "begin a new line, or write `;` before it", token.start, token.end)


def _misspelt_number(found: Sequence[Token], position: int) -> SyntaxFault | None:
    token, following = found[position], found[position + 1 : position + 2]
    if token.text == "-" and following and following[0].type == "NUMBER":
        number = following[0]
        hint = f"write `-{shown(number.text)}`"
        return SyntaxFault("a sign apart from its number", hint, token.start, number.end)
    text, start = _glued(found, position)

    def fault(match: re.Match[str], what: str, instead: str) -> SyntaxFault:
        place = start + match.start()
        return SyntaxFault(f"`{match[0]}` {what}", instead, place, place + len(match[0]))

    at = token.start - start
    if match := _around(_EXPONENT, text, at):
        plain = f"{Decimal(match[1].replace('_', '')).scaleb(int(match[2])):f}"
        instead = f"`{plain}`" if len(plain) <= MAX_DIGITS else "its digits out"
        return fault(match, "has an exponent", f"write {instead}")
    if match := _around(_PLUS, text, at):
        return fault(match, "has a sign that says nothing", f"write `{match[1]}`")
    if match := _around(_NO_DIGIT_BEFORE, text, at):
        return fault(match, "has no digit before its point", f"write `{match[1]}0.{match[2]}`")
    if match := _around(_NO_DIGIT_AFTER, text, at):
        return fault(match, "has no digit after its point", f"write `{match[1]}`")
    if match := _around(_THOUSANDS, text, at):
        instead = f"write `{match[0].replace(',', '_')}`, or a point where it stands for one"
        return fault(match, "has a comma in it", instead)
    if match := _around(_COMMA, text, at):
        return fault(match, "has a comma in it", f"write `{match[1]}.{match[2]}`")
    return None


def _dashed(found: Sequence[Token], position: int) -> SyntaxFault | None:
    token = found[position]
    if not token.text.startswith("-"):
        return None
    text, start = _glued(found, position)
    match = _around(_DASHED, text, token.start - start)
    if match is None:
        return None
    dotted = match[0].replace("-", ".")
    instead = dotted if dotted in MEASURES or dotted in SETTINGS else match[0].replace("-", "_")
    place = start + match.start()
    message = f"the name `{match[0]}` has a dash in it"
    return SyntaxFault(message, f"write `{instead}`", place, place + len(match[0]))


def _around(pattern: str, text: str, at: int) -> re.Match[str] | None:
    """The match of ``pattern`` that holds the character ``at``, or ends right before it."""
    found = (match for match in re.finditer(pattern, text) if match.start() <= at <= match.end())
    return next(found, None)


def _glued(found: Sequence[Token], position: int) -> tuple[str, int]:
    """What stands around a token without a blank, and where it starts; nothing if it is long."""
    first = last = position
    while first > max(0, position - _NEAR) and found[first - 1].end == found[first].start:
        first -= 1
    while last < min(len(found) - 1, position + _NEAR) and found[last].end == found[last + 1].start:
        last += 1
    text = "".join(token.text for token in found[first : last + 1])
    return (text, found[first].start) if len(text) <= _LONGEST else ("", found[first].start)
