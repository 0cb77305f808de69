"""Checks one setting against the catalogue and normalises its value."""

from __future__ import annotations

from collections.abc import Mapping

from invarlock.canonical import decimal_text
from invarlock.policy import syntax
from invarlock.policy.catalogue import MEASURES, SETTINGS, Setting
from invarlock.policy.diagnostics import shown
from invarlock.policy.intervals import describe, range_interval
from invarlock.policy.names import did_you_mean, one_of
from invarlock.policy.problems import Problem
from invarlock.policy.quantity import convert


def check_setting(key: str, setting: syntax.Setting) -> str:
    """The normalised value of the setting named ``key`` in full, as it stands in the IR.

    Raises :class:`Problem` E102, E103 or E104.
    """
    known = SETTINGS.get(key)
    if known is None:
        raise _unknown(key, setting)
    value = setting.value
    if isinstance(value, syntax.SetValue | syntax.MapValue):
        message = f"`{key}` takes one value, not a list"
        raise Problem("E103", message, "write `NAME = VALUE`", value.span)
    return _word(known, value) if known.words else _number(known, value)


def looks_apart(settings: Mapping[str, str]) -> str:
    """Why looks and spending do not go together, one having no meaning without the other; empty
    where they do."""
    looks, spending = settings["estimate.looks"], settings["estimate.spending"]
    if looks != "1" and spending == "none":
        return f"`estimate.looks = {looks}` lets every look err, for nothing is said of spending"
    if looks == "1" and spending != "none":
        return f"`estimate.spending = {spending}` says nothing of a single look"
    return ""


def _unknown(key: str, setting: syntax.Setting) -> Problem:
    name = shown(key)
    if key in MEASURES:
        message = f"`{name}` is a measure, not a setting"
        return Problem("E102", message, f"write `require {name} …`", setting.name.span)
    known = [*SETTINGS, "task", "about"]
    hint = did_you_mean(key, known, "see the settings in grammar/REFERENCE.md")
    return Problem("E102", f"unknown setting `{name}`", hint, setting.name.span)


def _word(known: Setting, value: syntax.Scalar) -> str:
    written = shown(value.text)
    if not isinstance(value, syntax.Word):
        hint = "write it without quotes" if isinstance(value, syntax.Text) else ""
        message = f"`{known.name}` is a word, not `{written}`"
        raise Problem("E103", message, hint or f"write {one_of(known.words)}", value.span)
    if value.text not in known.words:
        hint = did_you_mean(value.text, known.words, f"write {one_of(known.words)}")
        raise Problem("E102", f"`{known.name}` cannot be `{written}`", hint, value.span)
    return value.text


def _number(known: Setting, value: syntax.Scalar) -> str:
    written = shown(value.text)
    if not isinstance(value, syntax.Quantity) or known.unit is None:
        message = f"`{known.name}` is a number, not `{written}`"
        raise Problem("E103", message, "write a number", value.span)
    found = convert(value, known.unit, known.name, whole=known.whole)
    limits = range_interval(known.range)
    if not limits.contains(found):
        message = f"`{written}` is outside the range of `{known.name}`"
        raise Problem("E104", message, f"the range is `{describe(limits)}`", value.span)
    return decimal_text(found)
