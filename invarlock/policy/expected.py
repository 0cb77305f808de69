"""What a syntax error says: the token found, what could have stood there, and the usual remedy."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from invarlock.policy.diagnostics import shown
from invarlock.policy.lex import BAD, END, Token

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
# Always possible beside others, and never what the writer forgot.
_QUIET: Final = frozenset({"SEMICOLON", "PERCENT", END})


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
        return message, "begin a statement: `require`, `warn`, `NAME = …` or a block"
    return message, "expected " + _either(possible)


def _spelt(token: Token) -> str:
    if token.type == END:
        return "end of the file"
    return "end of the line" if token.type == "_NL" else f"`{shown(token.text)}`"


def _either(possible: Collection[str]) -> str:
    loud = sorted(set(possible) - _QUIET) or sorted(possible)
    names = [_NAMES.get(name, f"`{name.lower()}`") for name in loud]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
