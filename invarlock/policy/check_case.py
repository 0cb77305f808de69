"""Checks a ``test`` block: its statements are known, its subjects can be measured.

Policy tests are outside the IR and run elsewhere; here they only have to make sense.
"""

from __future__ import annotations

from typing import Final

from invarlock.policy import ir
from invarlock.policy.catalogue import Kind
from invarlock.policy.check_gate import check_subject, member, number
from invarlock.policy.checked import Case
from invarlock.policy.diagnostics import shown
from invarlock.policy.names import did_you_mean, one_of
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.span import Span
from invarlock.policy.syntax import Block, Expect, Given, Setting, Subject, Text, Word

VERDICTS: Final = ("pass", "fail", "inconclusive", "incomplete")


def check_case(block: Block, problems: Problems) -> Case | None:
    """The test in ``block``, or ``None`` if its head is wrong; errors go to ``problems``."""
    if not isinstance(block.label, Text) or block.refines is not None:
        message = "a `test` has a text as its name and refines nothing"
        problems.add("E101", message, 'write `test "…" { … }`', block.kind.span)
        return None
    names: dict[str, Word] = {}
    mentions: list[tuple[str, Span]] = []
    seen: dict[str, Span] = {}
    for statement in block.body:
        with problems.collecting():
            match statement:
                case Setting():
                    _name(statement, names)
                case Given():
                    key = _given(statement)
                    _once(f"given {key}", statement.span, seen)
                    mentions.append((key, statement.subject.span))
                case Expect():
                    _once("expect", statement.span, seen)
                    mentions += _expect(statement)
                case _:
                    message = "a `test` holds `tier`, `profile`, `given` and `expect` only"
                    raise Problem("E101", message, "move the statement out", statement.span)
    if "expect" not in seen:
        problems.add("E111", "a test without `expect`", "add `expect VERDICT`", block.label.span)
    return Case(
        block.label.text,
        block.label.span,
        names.get("tier"),
        names.get("profile"),
        tuple(mentions),
    )


def _name(statement: Setting, names: dict[str, Word]) -> None:
    key = statement.name.text
    if key not in {"tier", "profile"}:
        hint = did_you_mean(key, ("tier", "profile"), "write `tier` or `profile`")
        raise Problem("E102", f"unknown word `{shown(key)}` in a test", hint, statement.name.span)
    if not isinstance(statement.value, Word):
        raise Problem("E103", f"`{key}` is a name", f"write `{key} = NAME`", statement.value.span)
    if key in names:
        message, earlier = f"`{key}` stands twice in one test", names[key].span
        raise Problem("E105", message, "keep one of the two", statement.span, earlier)
    names[key] = statement.value


def _once(key: str, span: Span, seen: dict[str, Span]) -> None:
    if key in seen:
        message = f"`{shown(key)}` stands twice in one test"
        raise Problem("E105", message, "keep one of the two", span, seen[key])
    seen[key] = span


def _given(statement: Given) -> str:
    measure, _, _ = check_subject(statement.subject)
    if measure.kind is not Kind.NUMBER:
        member(measure, statement.value)
    else:
        number(measure, statement.value)
    inside = statement.interval
    if inside is not None:
        if not measure.interval:
            message = f"`{measure.name}` has no interval estimate"
            raise Problem("E113", message, "remove `in …`", inside.span)
        if number(measure, inside.low) > number(measure, inside.high):
            hint = "write the smaller number first"
            raise Problem("E108", "the interval is empty", hint, inside.span)
    return key_of(statement.subject)


def _expect(statement: Expect) -> list[tuple[str, Span]]:
    word = statement.verdict
    if word.text not in VERDICTS:
        hint = did_you_mean(word.text, VERDICTS, f"write {one_of(VERDICTS)}")
        raise Problem("E102", f"unknown verdict `{shown(word.text)}`", hint, word.span)
    cause = statement.because
    return [] if cause is None else [(key_of(cause), cause.span)]


def key_of(subject: Subject) -> str:
    """The gate id that ``subject`` spells. Raises :class:`Problem` as :func:`check_subject`."""
    measure, statistic, target = check_subject(subject)
    gate = ir.Gate(
        measure=measure.name,
        statistic=statistic,
        target=target,
        level="require",
        relation=ir.Interval(),
    )
    return gate.id
