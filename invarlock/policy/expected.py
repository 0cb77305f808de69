"""What a syntax error says: the token found, what could have stood there, and the usual remedy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from invarlock.policy.diagnostics import shown
from invarlock.policy.lex import BAD, END, Token
from invarlock.policy.names import BLOCKS, STARTERS, nearest

_NAMES: Final = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a string",
    "DIGEST": "a digest",
    "CMP": "`<=`, `>=`, `==`, `<` or `>`",
    "_NL": "the end of the line",
    "COLON": "`:`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "PERCENT": "`%`",
    "SEMICOLON": "`;`",
}
_WORDS: Final = frozenset({"policy", *STARTERS, *BLOCKS})
_BEGIN: Final = "begin a statement: `require`, `warn`, `NAME = …` or a block"
# Always possible beside others, and never what the writer forgot.
_QUIET: Final = frozenset({"SEMICOLON", "PERCENT", END})


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """A message with its hint for the characters from ``start`` to ``end``."""

    message: str
    hint: str
    start: int
    end: int
    code: str = "E101"


def complaint(
    token: Token, before: Token | None, possible: Collection[str], *, too_deep: bool = False
) -> tuple[str, str]:
    """Message and hint for ``token`` where only the terminals ``possible`` could stand."""
    if token.type == BAD:
        return token.problem
    if too_deep:
        return "blocks are nested too deeply", "a policy has one level of blocks, two in a tier"
    message = f"unexpected {_spelt(token)}"
    if token.type == "EQUAL" and "CMP" in possible:
        return message, "a gate compares: write `==`, `<=`, `>=` or `in`"
    if token.type == "CMP" and "EQUAL" in possible:
        return message, "begin a gate with `require` or `warn`"
    if token.type == "RBRACE" and "REQUIRE" in possible:
        return message, "nothing is open here; remove it"
    if "INVAR" in possible:
        return message, "the first line is `invar 1`"
    if "POLICY" in possible:
        return message, 'the second line is `policy NAME "VERSION"`'
    if before is not None and before.type == "_NL" and "REQUIRE" in possible:
        return message, _BEGIN
    return message, "expected " + _either(possible)


def misspelt(
    token: Token, statement: Sequence[object], possible: Collection[str]
) -> tuple[Token, str] | None:
    """The unknown word that the statement or header line begins with, and a hint.

    ``statement`` is what was read of it before ``token`` was out of place. ``None`` where the
    first word is known, a measure or the name of a setting, so that the fault is another.
    """
    if token.type == BAD:
        return None
    if not statement:
        header = [name.lower() for name in ("INVAR", "POLICY") if name in possible]
        near = nearest(token.text, header) if token.type == "NAME" and header else ""
        return (token, f"did you mean `{near}`?") if near else None
    head, *rest = statement
    if not isinstance(head, Token) or head.type != "NAME" or not _unknown(head.text):
        return None
    if rest and isinstance(rest[0], Token) and rest[0].type in {"EQUAL", "LBRACE"}:
        return None
    near = nearest(head.text, _WORDS)
    if near:
        return head, f"did you mean `{near}`?"
    return (head, _BEGIN) if rest else None


def meant_as_starter(head: Token) -> bool:
    """Whether the first word of a statement is a misspelt ``require``, ``warn`` or the like, so
    that a ``{`` after it opens a set and no block."""
    return head.type == "NAME" and _unknown(head.text) and nearest(head.text, _WORDS) in STARTERS


def _unknown(word: str) -> bool:
    return "." not in word and word not in _WORDS


def _spelt(token: Token) -> str:
    if token.type == END:
        return "end of the file"
    return "end of the line" if token.type == "_NL" else f"`{shown(token.text)}`"


def _either(possible: Collection[str]) -> str:
    loud = sorted(set(possible) - _QUIET) or sorted(possible)
    names = [_NAMES.get(name, f"`{name.lower()}`") for name in loud]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
