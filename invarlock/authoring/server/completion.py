"""What can be written at a place: words of the language, of the catalogue and of the policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Choice
from invarlock.authoring.server.cursor import Cursor, cursor_at
from invarlock.authoring.server.names import declared, occurrences
from invarlock.authoring.server.starters import keyword, starters
from invarlock.authoring.server.statements import statements
from invarlock.authoring.server.subjects import gates_in_test, relation_choices, subject_choices
from invarlock.authoring.server.words import UNITS, measure_named, setting_named
from invarlock.policy.catalogue import FAMILIES, TASKS, Kind, Unit
from invarlock.policy.check_case import ABSENCES, VERDICTS

_GATES: Final = frozenset({"require", "warn"})


def completions(analysis: Analysis, offset: int) -> tuple[Choice, ...]:
    """Everything that fits at ``offset``, in the order of usefulness; empty where nothing does."""
    cursor = cursor_at(analysis, offset)
    if cursor is None:
        return ()
    return tuple(choice.at(cursor.start, cursor.end) for choice in _choices(analysis, cursor))


def _choices(analysis: Analysis, cursor: Cursor) -> Iterable[Choice]:
    words = cursor.words
    if not words:
        return starters(analysis, cursor)
    if words[0] in {"given", "expect"} and cursor.block == "test":
        return _in_test(analysis, cursor)
    if words[0] in _GATES:
        return _in_gate(analysis, cursor)
    if words[0] in {"tier", "profile", "signer"} and words[-1] != "=":
        return _in_head(analysis, cursor)
    if words[-1] == "=":
        return _value(analysis, cursor)
    if len(words) > 2 and words[1] == "=":
        return _unit_of_setting(cursor)
    if words[0] == "include":
        return _in_include(cursor)
    return ()


# --- gates ----------------------------------------------------------------------------------


def _in_gate(analysis: Analysis, cursor: Cursor) -> Iterable[Choice]:
    words = cursor.words
    if len(words) == 1:
        return subject_choices()
    return _after_subject(analysis, cursor, words[1], words[2:])


def _after_subject(
    analysis: Analysis, cursor: Cursor, name: str, rest: tuple[str, ...]
) -> Iterable[Choice]:
    measure = measure_named(name)
    if measure is None:
        return ()
    if rest[-1:] == ("on",):
        return _targets(analysis, slices=measure.slices, families=measure.families)
    if rest[-2:] == ("on", "each"):
        return [Choice("family", "keyword", "each family of weights on its own")]
    targeted = rest[:1] == ("on",)
    if not rest or (targeted and len(rest) == (3 if rest[1] == "each" else 2)):
        return relation_choices(measure, targeted=targeted)
    if cursor.before[-1].type == "NUMBER":
        return _units(measure.unit)
    if rest[-1] in {"==", "{", ","} or rest[-2:] == ("in", "{"):
        return _members(analysis, measure.words, signers=measure.kind is Kind.SIGNER)
    return ()


def _targets(analysis: Analysis, *, slices: bool, families: bool) -> Iterator[Choice]:
    if families:
        yield Choice("each family", "keyword", "each family of weights on its own")
        yield from (Choice(name, "value", "family of weights") for name in FAMILIES)
    if slices:
        yield from (Choice(f'"{name}"', "value", "slice") for name in _slices(analysis))


def _slices(analysis: Analysis) -> list[str]:
    """Names of slices that the policy speaks of already."""
    texts = (statement.after("on") for statement in analysis.statements)
    return list(dict.fromkeys(t.text[1:-1] for t in texts if t is not None and t.type == "STRING"))


def _members(analysis: Analysis, words: tuple[str, ...], *, signers: bool) -> Iterator[Choice]:
    yield from (Choice(word, "value") for word in words)
    if signers:
        yield from (Choice(name, "name", "signer") for name in declared(analysis.names, "signer"))


def _units(unit: Unit | None) -> Iterator[Choice]:
    if unit is not None:
        yield from (Choice(word, "unit", f"in {unit.value}") for word in UNITS.get(unit, ()))


# --- tests ----------------------------------------------------------------------------------


def _in_test(analysis: Analysis, cursor: Cursor) -> Iterable[Choice]:
    words = cursor.words
    if words[0] == "given":
        return _in_given(analysis, cursor)
    if len(words) == 1:
        return [Choice(word, "value", "verdict") for word in VERDICTS]
    if len(words) == 2:
        return [keyword("because")]
    if words[2] == "because" and len(words) == 3:
        return gates_in_test(analysis, cursor.statement)
    return ()


def _in_given(analysis: Analysis, cursor: Cursor) -> Iterable[Choice]:
    words = cursor.words
    if len(words) == 1:
        return gates_in_test(analysis, cursor.statement) or list(subject_choices())
    measure = measure_named(words[1])
    if "=" not in words:
        choices = _after_subject(analysis, cursor, words[1], words[2:])
        equals = [Choice("=", "operator", "the value supposed")]
        kept = [choice for choice in choices if choice.kind != "operator" and choice.label != "in"]
        return kept if words[-1] in {"on", "each"} else equals + kept
    if measure is None:
        return ()
    if words[-1] == "=":
        named = _members(analysis, measure.words, signers=measure.kind is Kind.SIGNER)
        return [*named, *(Choice(word, "value", "no value that decides") for word in ABSENCES)]
    units = list(_units(measure.unit)) if cursor.before[-1].type == "NUMBER" else []
    return [*units, keyword("in")] if measure.interval and "in" not in words else units


# --- settings, heads, includes --------------------------------------------------------------


def _value(analysis: Analysis, cursor: Cursor) -> Iterable[Choice]:
    name = cursor.words[0]
    if cursor.block == "test" and name in {"tier", "profile"}:
        names = declared(analysis.names, "tier" if name == "tier" else "profile")
        return [Choice(found, "name", name) for found in names]
    if name == "task" and not cursor.block:
        return [Choice(task, "value", "task") for task in TASKS]
    setting = setting_named(name, cursor.block)
    return [] if setting is None else [Choice(word, "value") for word in setting.words]


def _unit_of_setting(cursor: Cursor) -> Iterable[Choice]:
    setting = setting_named(cursor.words[0], cursor.block)
    if setting is None or cursor.before[-1].type != "NUMBER":
        return ()
    return _units(setting.unit)


def _in_head(analysis: Analysis, cursor: Cursor) -> Iterable[Choice]:
    words = cursor.words
    if words[0] != "tier" or len(words) < 2:
        return ()
    if words[-1] == "refines":
        own = [name for name in declared(analysis.names, "tier") if name != words[1]]
        return [*(Choice(name, "name", "tier") for name in own), *_included_tiers(analysis)]
    return [keyword("refines")] if len(words) == 2 else ()


def _included_tiers(analysis: Analysis) -> Iterator[Choice]:
    for alias in declared(analysis.names, "include"):
        read = analysis.included(alias)
        if read is not None:
            for name in declared(occurrences(statements(read[1])), "tier"):
                yield Choice(f"{alias}.{name}", "name", f"tier of {read[0]}")


def _in_include(cursor: Cursor) -> Iterable[Choice]:
    return [keyword("as")] if 2 <= len(cursor.words) <= 3 and "as" not in cursor.words else ()
