"""A comparison as Markdown for a pull request. Pure.

Names come from files that anybody may propose: whatever could be markup, a mention or a link is
written so that it is read as text (GitHub Flavored Markdown, https://github.github.com/gfm/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from invarlock.policy.compare import Strictness
from invarlock.policy.diagnostics import printable
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

_PLAIN: Final = re.compile(r"[^`|\\\s]+( [^`|\\\s]+)*")
_MARKS: Final = {
    Strictness.EQUAL: "✓",
    Strictness.STRICTER: "✓",
    Strictness.WEAKER: "✗",
    Strictness.MIXED: "✗",
    Strictness.INCOMPARABLE: "?",
}


def code(text: str) -> str:
    """``text`` set as code, in a table too; nothing in it is markup, a mention or a link."""
    safe = printable(text)
    if _PLAIN.fullmatch(safe):
        return f"`{safe}`"
    # Within a backtick span a backtick or a pipe could end it: then every sign is an entity.
    inside = "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in safe)
    return f"<code>{inside}</code>"


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
    yield from _bars(compared)
    listed = told(compared)
    if listed:
        yield ""
        yield from _differences(listed)


def _bars(compared: Compared) -> Iterator[str]:
    found = compared.found
    yield "| bar | answer | stricter | weaker | other |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for name, bar in found.bars:
        counts = [
            sum(one.relation is word for one in bar.differences)
            for word in (Strictness.STRICTER, Strictness.WEAKER)
        ]
        counts.append(len(bar.differences) - sum(counts))
        cells = " | ".join(str(count or "") for count in counts)
        yield f"| {code(name)} | {_MARKS[bar.relation]} {bar.relation} | {cells} |"
    for name in found.removed:
        yield f"| {code(name)} | ? removed: who pins it is left without | | | |"
    for name in found.added:
        yield f"| {code(name)} | added | | | |"


def _differences(listed: list[Told]) -> Iterator[str]:
    folded = len(listed) > FOLDED
    if folded:
        yield f"<details><summary>{len(listed)} differences</summary>"
        yield ""
    yield "| | key | old | new | shown by | bars |"
    yield "| --- | --- | --- | --- | --- | --- |"
    yield from map(_row, listed[:_MOST])
    if len(listed) > _MOST:
        yield ""
        yield f"And {len(listed) - _MOST} more: see `--format json`."
    if folded:
        yield ""
        yield "</details>"


def _row(one: Told) -> str:
    difference = one.difference
    shown = [code(witness_text(witness)) for witness in difference.witnesses]
    reasons = "<br>".join([*shown, *([difference.note] if difference.note else [])])
    cells = (
        f"{_MARKS[difference.relation]} {difference.relation}",
        code(difference.key),
        _statement(difference.old, one.old),
        _statement(difference.new, one.new),
        reasons,
        " ".join(map(code, one.bars)),
    )
    return "| " + " | ".join(cells) + " |"


def _statement(text: str | None, place: Place | None) -> str:
    where = f"<br>{code(str(place))}" if place is not None else ""
    return (code(text) if text else "nothing") + where
