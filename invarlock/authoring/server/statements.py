"""A policy's text as statements of tokens, each with the block it stands in.

The parser leaves out what it cannot read. An editor asks above all about the statement being
typed, so this keeps every token, and guesses where a statement ends as the parser's recovery does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from invarlock.policy.lex import END, Token, tokens
from invarlock.policy.names import STARTERS
from invarlock.policy.parse import MAX_TOKENS

_SEPARATORS: Final = frozenset({"_NL", "SEMICOLON"})
_BEFORE_SET: Final = frozenset({"CMP", "EQUAL", "COMMA"})


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """Tokens from ``start`` to ``end``, the offsets of what bounds them.

    ``block`` is the head of the block that holds the statement, ``None`` at the top level;
    ``opens`` says that the statement is itself such a head.
    """

    tokens: tuple[Token, ...]
    start: int
    end: int
    block: Statement | None
    opens: bool = False

    def word(self, place: int) -> str:
        """The text of the token at ``place``, empty where there is none."""
        return self.tokens[place].text if 0 <= place < len(self.tokens) else ""

    @property
    def kind(self) -> str:
        """The first word, such as ``require`` or ``tier``."""
        return self.word(0)

    @property
    def label(self) -> Token | None:
        """The name or text after the kind of a block."""
        label = self.tokens[1] if len(self.tokens) > 1 else None
        named = label is not None and label.type in {"NAME", "STRING"} and label.text != "refines"
        return label if named else None

    def after(self, word: str) -> Token | None:
        """The token after the first ``word``, if any."""
        for place, token in enumerate(self.tokens[:-1]):
            if token.type == "NAME" and token.text == word:
                return self.tokens[place + 1]
        return None


def statements(text: str) -> tuple[Statement, ...]:
    """Every statement of ``text`` in order; together they cover it. Ends on any text."""
    return _Reader(text).run(_capped(tokens(text)))


def statement_at(found: tuple[Statement, ...], offset: int) -> Statement:
    """The statement that ``offset`` stands in or at the end of."""
    place = bisect_right([statement.start for statement in found], offset) - 1
    return found[max(place, 0)]


def _capped(found: Iterable[Token]) -> Iterable[Token]:
    for count, token in enumerate(found):
        yield token
        if count >= MAX_TOKENS:
            return


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Statement] = []
        self.blocks: list[Statement] = []
        self.held: list[Token] = []
        self.start = 0
        self.sets = 0

    def run(self, found: Iterable[Token]) -> tuple[Statement, ...]:
        ended = False
        for token in found:
            if token.type == END:
                break
            # A set runs over lines; one that is not closed does not swallow the next statement.
            if ended and self.sets and token.text in STARTERS:
                self.finish(token.start, token.start)
            ended = token.type in _SEPARATORS and (ended or bool(self.sets))
            self.take(token)
        self.finish(len(self.text), len(self.text))
        return tuple(self.found)

    def take(self, token: Token) -> None:
        if token.type in _SEPARATORS and not self.sets:
            self.finish(token.start, token.end)
        elif token.type in _SEPARATORS:
            return
        elif token.type == "LBRACE" and self.opens_set():
            self.sets += 1
            self.held.append(token)
        elif token.type == "LBRACE":
            self.finish(token.start, token.end, opens=True)
        elif token.type == "RBRACE" and self.sets:
            self.sets -= 1
            self.held.append(token)
        elif token.type == "RBRACE":
            self.finish(token.start, token.end)
            if self.blocks:
                self.blocks.pop()
        else:
            self.held.append(token)

    def opens_set(self) -> bool:
        if not self.held:
            return False
        last = self.held[-1]
        return last.type in _BEFORE_SET or last.text == "in" or bool(self.sets)

    def finish(self, end: int, resume: int, *, opens: bool = False) -> None:
        block = self.blocks[-1] if self.blocks else None
        statement = Statement(tuple(self.held), self.start, end, block, opens)
        self.found.append(statement)
        if opens:
            self.blocks.append(statement)
        self.held, self.start, self.sets = [], resume, 0
