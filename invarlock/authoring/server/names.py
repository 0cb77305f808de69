"""Names that a policy declares, and every place that uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from invarlock.authoring.server.statements import Statement
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.lex import Token

_SIGNED: Final = frozenset(m.name for m in MEASURES.values() if m.kind is Kind.SIGNER)

NameKind = Literal["tier", "profile", "signer", "include", "foreign"]
"""``foreign`` is a tier of an included file: the part after the point in ``house.balanced``."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place of a name, in character offsets. ``alias`` is the include that a foreign tier
    comes through."""

    kind: NameKind
    name: str
    start: int
    end: int
    declares: bool = False
    alias: str = ""


def occurrences(found: Iterable[Statement]) -> tuple[Occurrence, ...]:
    """All names of the statements, in order."""
    return tuple(name for statement in found for name in _names(statement))


def declared(names: Iterable[Occurrence], kind: NameKind) -> list[str]:
    """Names of ``kind`` that are declared, each once, in order."""
    return list(dict.fromkeys(n.name for n in names if n.declares and n.kind == kind))


def _names(statement: Statement) -> Iterator[Occurrence]:
    if statement.opens:
        yield from _head(statement)
    elif statement.kind == "include":
        yield from _word(statement.after("as"), "include", declares=True)
    elif statement.block is not None and statement.block.kind == "test":
        yield from _bar(statement)
    if statement.word(1) in _SIGNED:
        for token in statement.tokens[2:]:
            if token.text != "in":
                yield from _word(token, "signer")


def _bar(statement: Statement) -> Iterator[Occurrence]:
    """The tier or profile that a test names."""
    if len(statement.tokens) > 2 and statement.word(1) == "=":
        match statement.kind:
            case "tier" | "profile" as kind:
                yield from _word(statement.tokens[2], kind)


def _head(statement: Statement) -> Iterator[Occurrence]:
    label = statement.label
    match statement.kind:
        case "tier" | "profile" | "signer" as kind:
            yield from _word(label, kind, declares=True)
    refines = statement.after("refines")
    if statement.kind == "tier" and refines is not None:
        alias, point, name = refines.text.partition(".")
        if not point:
            yield from _word(refines, "tier")
        elif refines.type == "NAME":
            split = refines.start + len(alias)
            yield Occurrence("include", alias, refines.start, split)
            yield Occurrence("foreign", name, split + 1, refines.end, alias=alias)


def _word(token: Token | None, kind: NameKind, *, declares: bool = False) -> Iterator[Occurrence]:
    if token is not None and token.type == "NAME":
        yield Occurrence(kind, token.text, token.start, token.end, declares)
