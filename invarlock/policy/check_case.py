"""Checks a ``test`` block: its statements are known, its subjects can be measured.

Policy tests are outside the IR and run elsewhere; here they only have to make sense.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal

from invarlock.policy import ir
from invarlock.policy.catalogue import Kind
from invarlock.policy.check_gate import check_subject, member, number
from invarlock.policy.check_signer import SignerTable
from invarlock.policy.checked import Case, Expected, Supposed
from invarlock.policy.diagnostics import shown
from invarlock.policy.names import did_you_mean, one_of
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.span import Span
from invarlock.policy.syntax import Block, Expect, Given, Setting, Subject, Text, Word

VERDICTS: Final = ("pass", "fail", "inconclusive", "incomplete", "warning")
"""What a test can expect. ``warning`` is a pass in which the gate named, a ``warn``, does not
pass."""

_Absence = Literal["missing", "nan", "unpaired"]
ABSENCES: Final[dict[str, _Absence]] = {
    "missing": "missing",
    "nan": "nan",
    "unpaired": "unpaired",
}
"""Words that a test can give in place of any value: there is none, or none that decides."""


def check_case(block: Block, signers: SignerTable, problems: Problems) -> Case | None:
    """The test in ``block``, or ``None`` if its head is wrong; errors go to ``problems``."""
    if not isinstance(block.label, Text) or block.refines is not None:
        message = "a `test` has a text as its name and refines nothing"
        problems.add("E101", message, 'write `test "…" { … }`', block.kind.span)
        return None
    if not block.label.text.strip():
        problems.add("E103", "the name of a test is empty", "say what it shows", block.label.span)
    names: dict[str, Word] = {}
    supposed: list[Supposed] = []
    expected: list[Expected] = []
    seen: dict[str, Span] = {}
    for statement in block.body:
        with problems.collecting():
            match statement:
                case Setting():
                    _name(statement, names)
                case Given():
                    found = _given(statement, signers)
                    _once(f"given {_value_of(found)}", statement.span, seen)
                    supposed.append(found)
                case Expect():
                    _once("expect", statement.span, seen)
                    expected.append(_expect(statement))
                case _:
                    message = "a `test` holds `tier`, `profile`, `given` and `expect` only"
                    raise Problem("E101", message, "move the statement out", statement.span)
    if not expected:
        if "expect" not in seen:
            place = block.label.span
            problems.add("E111", "a test without `expect`", "add `expect VERDICT`", place)
        return None
    return Case(
        name=block.label.text,
        span=block.label.span,
        tier=names.get("tier"),
        profile=names.get("profile"),
        supposed=tuple(supposed),
        expected=expected[0],
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


def _value_of(supposed: Supposed) -> str:
    """Whose value it is: a gate on ``.point`` reads the same one."""
    return supposed.key.replace(".point", "", 1)


def _given(statement: Given, signers: SignerTable) -> Supposed:
    measure, _, target = check_subject(statement.subject)
    written, inside = statement.value, statement.interval
    point: Decimal | None = None
    words: str | None = None
    status: Literal["ok", "missing", "nan", "unpaired"] = "ok"
    if isinstance(written, Word) and written.text in ABSENCES:
        status = ABSENCES[written.text]
    elif measure.kind is Kind.NUMBER:
        point = number(measure, written)
    elif measure.kind is Kind.SIGNER:
        signers.use(written)
        words = written.text
    else:
        words = member(measure, written)
    low = high = None
    if inside is not None:
        if not measure.interval or point is None:
            what = f"`{measure.name}`" if point is not None else f"`{shown(written.text)}`"
            raise Problem("E113", f"{what} has no interval estimate", "remove `in …`", inside.span)
        low, high = number(measure, inside.low), number(measure, inside.high)
        if low > high:
            hint = "write the smaller number first"
            raise Problem("E108", "the interval is empty", hint, inside.span)
    return Supposed(
        key=key_of(statement.subject),
        measure=measure.name,
        target=target,
        status=status,
        point=point,
        low=low,
        high=high,
        words=words,
        span=statement.subject.span,
    )


def _expect(statement: Expect) -> Expected:
    word = statement.verdict
    if word.text not in VERDICTS:
        hint = did_you_mean(word.text, VERDICTS, f"write {one_of(VERDICTS)}")
        raise Problem("E102", f"unknown verdict `{shown(word.text)}`", hint, word.span)
    cause = statement.because
    if word.text == "warning" and cause is None:
        message = "a test that expects a `warning` without naming the gate"
        raise Problem("E111", message, "add `because SUBJECT`", word.span)
    if cause is None:
        return Expected(word.text, None, statement.span)
    return Expected(word.text, key_of(cause), cause.span)


def key_of(subject: Subject) -> str:
    """The gate id that ``subject`` spells. Raises :class:`Problem` as :func:`check_subject`."""
    measure, statistic, target = check_subject(subject)
    return ir.gate_id(measure.name + (".point" if statistic == "point" else ""), target)
