"""What the server answers, as data of its own: places are character offsets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

ChoiceKind = Literal["keyword", "measure", "setting", "value", "unit", "operator", "name", "gate"]
SymbolKind = Literal["tier", "profile", "test", "signer", "include", "settings", "gate"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to write instead of the characters from ``start`` to ``end``."""

    label: str
    kind: ChoiceKind
    detail: str = ""
    page: str = ""
    start: int = 0
    end: int = 0

    def at(self, start: int, end: int) -> Choice:
        """The same for the characters from ``start`` to ``end``."""
        return replace(self, start=start, end=end)


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown on the characters from ``start`` to ``end``."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Location:
    """A stretch of the open document, or of the included file ``file``."""

    start: int
    end: int
    file: str = ""
    source: str = ""
    """The text of ``file``; empty for the open document."""


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a finding speaks of."""

    message: str
    place: Location


@dataclass(frozen=True, slots=True)
class Change:
    """``replacement`` instead of the characters from ``start`` to ``end``."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic with its place. ``code`` is a code of the compiler or the name of a lint rule,
    ``change`` the fix that lint offers."""

    code: str
    severity: Literal["error", "warning", "information"]
    message: str
    hint: str
    start: int
    end: int
    related: Related | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that mends ``finding``. One that is not ``preferred`` needs a look first."""

    title: str
    changes: tuple[Change, ...]
    finding: Finding
    preferred: bool = True


@dataclass(frozen=True, slots=True)
class Symbol:
    """A block or gate for the outline; ``start`` to ``end`` is all of it, ``name_start`` to
    ``name_end`` its name."""

    name: str
    kind: SymbolKind
    detail: str
    start: int = 0
    end: int = 0
    name_start: int = 0
    name_end: int = 0
    children: tuple[Symbol, ...] = ()


def applied(text: str, changes: tuple[Change, ...]) -> str:
    """``text`` after ``changes``, which do not overlap."""
    for change in sorted(changes, key=lambda c: c.start, reverse=True):
        text = text[: change.start] + change.replacement + text[change.end :]
    return text
