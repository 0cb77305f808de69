"""A comparison as Markdown for a pull request. Pure.

Names come from files that anybody may propose: they are set as code, in which nothing is markup, a
mention or a link.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.policy.compare import BarComparison, Strictness
from invarlock.present.markdown_text import code, table
from invarlock.present.policy_compare import (
    SENTENCES,
    Compared,
    Place,
    Told,
    shown_name,
    told,
    witness_text,
)

FOLDED: Final = 6
"""With more differences than this their details are folded."""
_MOST: Final = 400
"""Differences that are listed; a comment on a pull request holds 65,536 characters."""

_MARKS: Final = {
    Strictness.EQUAL: "✓",
    Strictness.STRICTER: "✓",
    Strictness.WEAKER: "✗",
    Strictness.MIXED: "✗",
    Strictness.INCOMPARABLE: "?",
}


def compare_markdown(compared: Compared) -> str:
    """Heading with the answer, a table of bars, and the differences."""
    return "\n".join(_lines(compared)) + "\n"


def _lines(compared: Compared) -> Iterator[str]:
    found = compared.found
    yield f"## {_MARKS[found.relation]} Policy: {found.relation}"
    yield ""
    sentence = SENTENCES[found.relation]
    yield f"{sentence[:1].upper()}{sentence[1:]}."
    yield ""
    yield f"Old: {code(shown_name(compared.old))}, new: {code(shown_name(compared.new))}."
    yield ""
    yield table(("bar", "answer", "stricter", "weaker", "other"), _bars(compared))
    listed = told(compared)
    if listed:
        yield ""
        yield from _differences(listed)


def _bars(compared: Compared) -> list[tuple[str, ...]]:
    found = compared.found
    rows: list[tuple[str, ...]] = []
    for name, bar in found.bars:
        answer = f"{_MARKS[bar.relation]} {bar.relation}"
        rows.append((code(name), answer, *_counts(bar)))
    nothing = ("", "", "")
    gone = "? removed: who pins it is left without"
    rows += [(code(name), gone, *nothing) for name in found.removed]
    rows += [(code(name), "added", *nothing) for name in found.added]
    return rows


def _counts(bar: BarComparison) -> tuple[str, str, str]:
    """How many differences are stricter, weaker, and of other kinds; empty for none."""
    stricter, weaker = (
        sum(one.relation is word for one in bar.differences)
        for word in (Strictness.STRICTER, Strictness.WEAKER)
    )
    other = len(bar.differences) - stricter - weaker
    first, second, third = (str(count or "") for count in (stricter, weaker, other))
    return first, second, third


def _differences(listed: list[Told]) -> Iterator[str]:
    folded = len(listed) > FOLDED
    if folded:
        yield f"<details><summary>{len(listed)} differences</summary>"
        yield ""
    yield table(("", "key", "old", "new", "shown by", "bars"), map(_row, listed[:_MOST]))
    if len(listed) > _MOST:
        yield ""
        yield f"And {len(listed) - _MOST} more: see `--format json`."
    if folded:
        yield ""
        yield "</details>"


def _row(one: Told) -> tuple[str, ...]:
    difference = one.difference
    shown = [code(witness_text(witness)) for witness in difference.witnesses]
    return (
        f"{_MARKS[difference.relation]} {difference.relation}",
        code(difference.key),
        _statement(difference.old, one.old),
        _statement(difference.new, one.new),
        "<br>".join([*shown, *([difference.note] if difference.note else [])]),
        " ".join(map(code, one.bars)),
    )


def _statement(text: str | None, place: Place | None) -> str:
    where = f"<br>{code(str(place))}" if place is not None else ""
    return (code(text) if text else "nothing") + where
