"""What rules look at: a policy that compiles, its syntax, its text and its comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from invarlock.policy.build import build
from invarlock.policy.catalogue import MEASURES, SETTINGS, Unit
from invarlock.policy.compile import Compiled
from invarlock.policy.lex import COMMENT, tokens
from invarlock.policy.names import PREFIXES
from invarlock.policy.parse import parse
from invarlock.policy.span import Lines, Span
from invarlock.policy.syntax import (
    Block,
    Bound,
    Gate,
    Given,
    Inside,
    Quantity,
    Scalar,
    Setting,
    Source,
    Statement,
    Word,
)

_POINT = ".point"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; ``own`` tells one on a line of its own from one after code."""

    text: str
    line: int
    own: bool


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A statement, and the blocks around it from the outside in."""

    statement: Statement
    around: tuple[Block, ...]

    @property
    def scope(self) -> Block | None:
        """The tier, profile, test or signer that the statement belongs to."""
        return next((b for b in reversed(self.around) if b.kind.text not in PREFIXES), None)


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number as written, and the measure or setting whose unit it has. ``stated`` tells
    whether its statement writes that unit, beside this number or another."""

    name: str
    unit: Unit
    quantity: Quantity
    stated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Linted:
    """One policy. ``comments`` are keyed by line: a line has at most one."""

    text: str
    source: Source
    compiled: Compiled
    comments: Mapping[int, Comment]
    lines: Lines
    rows: tuple[str, ...]
    below: Mapping[int, int]
    """For each comment on a line of its own, the line after the last one of its run."""

    def bounds(self, span: Span) -> tuple[int, int]:
        """The character offsets of a span."""
        start = self.lines.offset(span.line, span.column)
        return start, self.lines.offset(span.end_line, span.end_column)

    def row(self, line: int) -> str:
        """The text of a line, without its end."""
        return self.rows[line - 1].rstrip("\r")

    def code(self, line: int) -> str:
        """A line without its comment and the blanks around."""
        found = self.comments.get(line)
        row = self.row(line)
        return (row if found is None else row.rstrip().removesuffix(found.text)).strip()

    def code_line(self, comment: Comment) -> int:
        """The line of code that a comment is about: its own, or the one right below the comments
        among which it stands."""
        return self.below.get(comment.line, comment.line)

    def statements(self) -> Iterator[Placed]:
        """Every statement in the order of the source, blocks before what they hold."""
        yield from _walk(self.source.body, ())

    def blocks(self, kind: str) -> Iterator[Block]:
        """The blocks of one kind: ``tier``, ``profile``, ``test`` or ``signer``."""
        for statement in self.source.body:
            if isinstance(statement, Block) and statement.kind.text == kind:
                yield statement

    def numbers(self) -> Iterator[Number]:
        """Every number of gates, settings and tests."""
        for placed in self.statements():
            name, unit, values = _values(placed)
            found = [value for value in values if isinstance(value, Quantity)]
            if unit is not None:
                stated = any(value.unit == unit.value for value in found)
                yield from (Number(name, unit, value, stated) for value in found)

    def name_span(self) -> Span:
        """The place of the policy's name, for what concerns the whole file."""
        return self.source.span if self.source.name is None else self.source.name.span


def linted(compiled: Compiled) -> Linted:
    """The view of a policy that compiles."""
    text = compiled.source.decode()
    root, _ = parse(text)
    lines = Lines(text)
    comments = _comments(text, lines)
    below: dict[int, int] = {}
    for comment in reversed(comments.values()):
        if comment.own:
            below[comment.line] = below.get(comment.line + 1, comment.line + 1)
    rows = tuple(text.split("\n"))
    return Linted(text, build(root, text), compiled, comments, lines, rows, below)


def setting_key(setting: Setting, around: tuple[Block, ...]) -> str:
    """The full name of a setting: ``length`` inside ``windows { … }`` is ``windows.length``."""
    inner = around[-1].kind.text if around else ""
    return f"{inner}.{setting.name.text}" if inner in PREFIXES else setting.name.text


def label_span(block: Block) -> Span:
    """The place of a block's name."""
    return block.kind.span if block.label is None else block.label.span


def label_text(block: Block) -> str:
    """The name of a block; empty where it has none."""
    return "" if block.label is None else block.label.text


def word_setting(block: Block, name: str) -> Word | None:
    """The word that a block sets ``name`` to."""
    for statement in block.body:
        if isinstance(statement, Setting) and statement.name.text == name:
            return statement.value if isinstance(statement.value, Word) else None
    return None


def _comments(text: str, lines: Lines) -> dict[int, Comment]:
    found: dict[int, Comment] = {}
    for token in tokens(text, comments=True):
        if token.type == COMMENT:
            line = lines.span(token.start, token.start).line
            own = not text[lines.offset(line, 1) : token.start].strip()
            found[line] = Comment(token.text.rstrip(), line, own)
    return found


def _walk(body: tuple[Statement, ...], around: tuple[Block, ...]) -> Iterator[Placed]:
    for statement in body:
        yield Placed(statement, around)
        if isinstance(statement, Block):
            yield from _walk(statement.body, (*around, statement))


def _values(placed: Placed) -> tuple[str, Unit | None, tuple[object, ...]]:
    statement = placed.statement
    match statement:
        case Gate():
            name = statement.subject.name.text.removesuffix(_POINT)
            return name, _unit(name), _of_relation(statement)
        case Given():
            name = statement.subject.name.text.removesuffix(_POINT)
            inside = statement.interval
            ends = () if inside is None else (inside.low, inside.high)
            return name, _unit(name), (statement.value, *ends)
        case Setting():
            key = setting_key(statement, placed.around)
            known = SETTINGS.get(key)
            return key, None if known is None else known.unit, (statement.value,)
        case _:
            return "", None, ()


def _unit(name: str) -> Unit | None:
    measure = MEASURES.get(name)
    return None if measure is None else measure.unit


def _of_relation(gate: Gate) -> tuple[Scalar, ...]:
    match gate.relation:
        case Bound():
            return (gate.relation.value,)
        case Inside():
            return gate.relation.low, gate.relation.high
        case _:
            return gate.relation.values.items
