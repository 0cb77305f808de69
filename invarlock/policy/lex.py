"""Source text → tokens, with every character accounted for.

Terminals come from the generated tables. A stretch that matches none becomes a ``_BAD`` token
that carries its own message; the parser reports it and goes on at the next line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from invarlock.policy.diagnostics import shown
from invarlock.policy.tables import IGNORED, PATTERNS

BAD: Final = "_BAD"
COMMENT: Final = "COMMENT"
END: Final = "$END"

_TERMINALS: Final = re.compile(
    "|".join(f"(?P<t{n}>{regex})" for n, (_, regex) in enumerate(PATTERNS))
)
_GROUPS: Final = {f"t{n}": name for n, (name, _) in enumerate(PATTERNS)}
_STRAY: Final = re.compile(r'"[^\n]*|sha256:[^\s,}\]]*|\w[\w.]*|!=|.', re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A terminal at character offsets ``start`` to ``end``; ``problem`` is a bad one's message."""

    type: str
    text: str
    start: int
    end: int
    problem: tuple[str, str] = ("", "")


def tokens(text: str, *, comments: bool = False) -> Iterator[Token]:
    """Tokens of ``text`` without blanks, closed by an ``$END`` token; with ``comments`` or not."""
    position = 0
    while position < len(text):
        match = _TERMINALS.match(text, position)
        if match is None:
            token = _stray(text, position)
            position = token.end
            yield token
            continue
        name = _GROUPS[match.lastgroup or ""]
        if name not in IGNORED or (comments and name == COMMENT):
            yield Token(name, match.group(), position, match.end())
        position = match.end()
    yield Token(END, "", len(text), len(text))


def _stray(text: str, position: int) -> Token:
    match = _STRAY.match(text, position)
    found = match.group() if match else text[position]
    return Token(BAD, found, position, position + len(found), _problem(found))


def _problem(found: str) -> tuple[str, str]:
    name = shown(found)
    if found.startswith('"'):
        if "\\" in found:
            return f"a backslash in the string {name}", "strings have no escapes"
        return f"the string {name} is not closed", 'end it with `"` on the same line'
    if found.startswith("sha256:"):
        return f"malformed digest `{name}`", "a digest is `sha256:` and 64 lowercase hex digits"
    if found == "!=":
        return "unexpected `!=`", "list the values allowed: `in {…}`"
    if found[0].isalpha():
        # A letter that only looks like one of ours is told by its number.
        odd = next((f"`{c}` is U+{ord(c):04X}; " for c in found if not c.isascii()), "")
        hint = f"{odd}names are lowercase ASCII letters, digits, `_` and `.`"
        return f"malformed name `{name}`", hint
    return f"unexpected character `{name}`", "see grammar/REFERENCE.md"
