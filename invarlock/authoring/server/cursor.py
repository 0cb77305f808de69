"""Where a cursor stands: in which statement and block, after which words, in which word."""

from __future__ import annotations

from dataclasses import dataclass

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.statements import Statement
from invarlock.policy.lex import BAD, Token


@dataclass(frozen=True, slots=True)
class Cursor:
    """The words of the statement before the one being typed, and that one's place and text.

    ``block`` is the kind of the innermost block, empty at the top level.
    """

    statement: Statement
    block: str
    before: tuple[Token, ...]
    start: int
    end: int
    typed: str

    @property
    def words(self) -> tuple[str, ...]:
        """The texts of the words before."""
        return tuple(token.text for token in self.before)

    @property
    def last(self) -> str:
        """The word just before, empty at the begin of a statement."""
        return self.before[-1].text if self.before else ""


def cursor_at(analysis: Analysis, offset: int) -> Cursor | None:
    """The cursor at ``offset``; ``None`` inside a comment or string, and at the end of a number,
    where nothing can be proposed."""
    statement = analysis.statement(offset)
    before = tuple(token for token in statement.tokens if token.end <= offset)
    word = next((t for t in statement.tokens if t.start < offset <= t.end), None)
    if word is not None and not (word.type == "NAME" or (word.type == BAD and _is_word(word))):
        if word.type in {"STRING", "NUMBER", "DIGEST", BAD} and offset <= word.end:
            return None
        word = None
    if word is not None:
        before = tuple(token for token in before if token is not word)
    elif _in_comment(analysis.text, before, statement, offset):
        return None
    block = "" if statement.block is None else statement.block.kind
    if word is None:
        return Cursor(statement, block, before, offset, offset, "")
    typed = analysis.text[word.start : offset]
    return Cursor(statement, block, before, word.start, word.end, typed)


def _is_word(token: Token) -> bool:
    return token.text[0].isalpha() and not token.text.startswith("sha256:")


def _in_comment(text: str, before: tuple[Token, ...], statement: Statement, offset: int) -> bool:
    """Whether the blank stretch that ends at ``offset`` begins a comment on its line."""
    gap = text[before[-1].end if before else statement.start : offset]
    return "#" in gap.rpartition("\n")[2]
