"""Bytes of a policy file → text, in which nothing is hidden from a reader."""

from __future__ import annotations

import re
from typing import Final

from invarlock.policy.problems import Problem
from invarlock.policy.span import Lines, Span

MAX_BYTES: Final = 1 << 20
"""Size of a policy file, in bytes."""

# What a reviewer does not see, or sees elsewhere: controls, a bare carriage return, line and
# paragraph separators, the bidirectional marks that reorder what is shown, and whatever Unicode
# lets a font show as nothing (Default_Ignorable_Code_Point, blank letters, tags).
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]|\r(?!\n)"
)


def decode(source: bytes, file: str = "") -> str:
    """The text of a policy; ``file`` is the path of an included one.

    Raises :class:`Problem` E115 on what is no such text.
    """
    if len(source) > MAX_BYTES:
        message = f"the file has {len(source)} bytes, more than {MAX_BYTES}"
        raise Problem("E115", message, "split the policy", Span(1, 1, 1, 1, file))
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as err:
        before = source[: err.start].decode("utf-8")
        message = f"byte {err.start} is not UTF-8"
        raise Problem("E115", message, "save the file as UTF-8", _end_of(before, file)) from err
    if text.startswith("\ufeff"):
        message = "the file begins with a byte order mark"
        raise Problem("E115", message, "remove it", Span(1, 1, 1, 1, file))
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        name = "a NUL byte" if hidden[0] == "\0" else f"the character U+{ord(hidden[0]):04X}"
        place = _end_of(text[: hidden.start()], file)
        raise Problem("E115", f"the file holds {name}", "remove it: readers could miss it", place)
    return text


def _end_of(text: str, file: str) -> Span:
    return Lines(text, file).span(len(text), len(text))
