"""Showing untrusted text in a message: one line, ASCII, short."""

from __future__ import annotations

from typing import Final

_MAX: Final = 80


def shown(text: str) -> str:
    """``text`` with whatever could steer a terminal or deceive a reader spelt as an escape."""
    return text[:_MAX].encode("unicode_escape").decode("ascii")


def spelt(text: str) -> str:
    """The same in full: a path that is to be found again."""
    return text.encode("unicode_escape").decode("ascii")
