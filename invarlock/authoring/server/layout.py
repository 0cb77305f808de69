"""Formatting as a change of the lines that differ."""

from __future__ import annotations

from invarlock.authoring.format import format_checked
from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Change
from invarlock.policy.diagnostics import PolicyFault


def formatted(analysis: Analysis) -> tuple[Change, ...]:
    """The change that lays the document out; none where nothing would change, or where it has
    syntax errors, which are shown already.

    Raises :class:`InternalFault` E132 where the formatter would change the meaning.
    """
    text = analysis.text
    try:
        source = text.encode("utf-8", "surrogatepass")
        new = format_checked(source, filename=analysis.filename, includes=analysis.snapshot)
    except PolicyFault:
        return ()
    return _change(text, new.decode("utf-8"))


def _change(text: str, new: str) -> tuple[Change, ...]:
    """``new`` instead of ``text``, as a change of the lines between those that stay."""
    if new == text:
        return ()
    start = _common(text, new)
    tail = _common(text[start:][::-1], new[start:][::-1])
    # An editor that applies a change inside a line moves the cursor with it.
    start = text.rfind("\n", 0, start) + 1
    end = len(text) - tail
    line_end = text.find("\n", end)
    end = len(text) if line_end < 0 else line_end
    return (Change(start, end, new[start : len(new) - (len(text) - end)]),)


def _common(a: str, b: str) -> int:
    """How many characters both begin with."""
    same = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        same += 1
    return same
