"""Parse tree → syntax. Statements that could not be read are left out; their error is reported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from invarlock.policy.lex import Token
from invarlock.policy.parse import Node
from invarlock.policy.span import Lines, Span
from invarlock.policy.syntax import (
    Block,
    Bound,
    DigestText,
    Expect,
    Gate,
    Given,
    In,
    Include,
    Inside,
    MapValue,
    Quantity,
    Relation,
    Scalar,
    Setting,
    SetValue,
    Source,
    Statement,
    Subject,
    Target,
    Text,
    Word,
)

_Part = Node | Token
_TARGETS: Final[dict[str, Literal["slice", "family", "each"]]] = {
    "slice": "slice",
    "family": "family",
    "each": "each",
}


def build(root: Node, text: str, file: str = "") -> Source:
    """The syntax of ``text``, whose tree is ``root``; ``file`` is the path of an included one."""
    return _Builder(Lines(text, file)).source(root, len(text))


class _Builder:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def span(self, part: _Part) -> Span:
        return self.lines.span(part.start, part.end)

    def source(self, root: Node, length: int) -> Source:
        version = name = release = None
        body: list[Node] = []
        for part in _nodes(root.children):
            match part.name:
                case "version":
                    token = _token(part.children[0])
                    version = Quantity(token.text, "", self.span(part))
                case "policy":
                    name = self.word(_token(part.children[0]))
                    release = self.string(_token(part.children[1]))
                case _:
                    body.append(part)
        return Source(version, name, release, self.body(body), self.lines.span(0, length))

    def body(self, nodes: Iterable[Node]) -> tuple[Statement, ...]:
        return tuple(self.statement(node) for node in nodes if node.name != "error")

    def statement(self, node: Node) -> Statement:
        match node.name:
            case "setting":
                name = self.word(_token(node.children[0]))
                return Setting(name, self.value(node.children[1]), self.span(node))
            case "gate":
                return self.gate(node)
            case "include":
                path, *digest, alias = (_token(child) for child in node.children)
                pin = DigestText(digest[0].text, self.span(digest[0])) if digest else None
                return Include(self.string(path), pin, self.word(alias), self.span(node))
            case "given":
                return self.given(node)
            case "expect":
                verdict, *because = node.children
                cause = self.subject(_node(because[0])) if because else None
                return Expect(self.word(_token(verdict)), cause, self.span(node))
            case _:
                return self.block(node)

    def block(self, node: Node) -> Block:
        kind, *rest = node.children
        label: Word | Text | None = None
        refines: Word | None = None
        body: list[Node] = []
        for part in rest:
            if isinstance(part, Token):
                refines = self.word(part)
            elif part.name == "label":
                token = _token(part.children[0])
                label = self.string(token) if token.type == "STRING" else self.word(token)
            else:
                body.append(part)
        head = self.word(_token(kind))
        whole = all(part.name != "error" for part in body)
        return Block(head, label, refines, self.body(body), self.span(node), whole)

    def gate(self, node: Node) -> Gate:
        level, subject, relation = node.children
        word: Literal["require", "warn"] = "warn" if _token(level).type == "WARN" else "require"
        about = self.subject(_node(subject))
        return Gate(word, about, self.relation(_node(relation)), self.span(node))

    def given(self, node: Node) -> Given:
        subject, value, *interval = node.children
        inside = None
        if interval:
            inside = self.inside(_node(interval[0]), self.span(interval[0]))
        return Given(self.subject(_node(subject)), self.scalar(value), inside, self.span(node))

    def subject(self, node: Node) -> Subject:
        name, *rest = node.children
        target = None
        if rest:
            part = _node(rest[0])
            token = _token(part.children[0])
            text = token.text[1:-1] if token.type == "STRING" else token.text
            target = Target(_TARGETS[part.name], text, self.span(token), self.span(part))
        return Subject(self.word(_token(name)), target, self.span(node))

    def relation(self, node: Node) -> Relation:
        match node.name:
            case "bound":
                operator, value = node.children
                return Bound(_token(operator).text, self.scalar(value), self.span(node))
            case "inside":
                return self.inside(_node(node.children[0]), self.span(node))
            case _:
                return In(self.set(_node(node.children[0])), self.span(node))

    def inside(self, node: Node, span: Span) -> Inside:
        opening, low, high, closing = node.children
        return Inside(
            self.quantity(_node(low)),
            self.quantity(_node(high)),
            _token(opening).type == "LSQB",
            _token(closing).type == "RSQB",
            span,
        )

    def value(self, part: _Part) -> Scalar | SetValue | MapValue:
        if isinstance(part, Node) and part.name == "set":
            return self.set(part)
        if isinstance(part, Node) and part.name == "map":
            pairs = tuple(self.pair(pair) for pair in _nodes(part.children))
            return MapValue(pairs, self.span(part))
        return self.scalar(part)

    def set(self, node: Node) -> SetValue:
        return SetValue(tuple(self.scalar(child) for child in node.children), self.span(node))

    def pair(self, node: Node) -> tuple[Word, Scalar]:
        return self.word(_token(node.children[0])), self.scalar(node.children[1])

    def scalar(self, part: _Part) -> Scalar:
        if isinstance(part, Node):
            return self.quantity(part)
        match part.type:
            case "STRING":
                return self.string(part)
            case "DIGEST":
                return DigestText(part.text, self.span(part))
            case _:
                return self.word(part)

    def quantity(self, node: Node) -> Quantity:
        number, *unit = node.children
        return Quantity(_token(number).text, _token(unit[0]).text if unit else "", self.span(node))

    def word(self, token: Token) -> Word:
        return Word(token.text, self.span(token))

    def string(self, token: Token) -> Text:
        return Text(token.text[1:-1], self.span(token))


def _node(part: _Part) -> Node:
    if not isinstance(part, Node):
        raise TypeError(f"the grammar puts no production at `{part.type}`")
    return part


def _token(part: _Part) -> Token:
    if not isinstance(part, Token):
        raise TypeError(f"the grammar puts no terminal at `{part.name}`")
    return part


def _nodes(parts: Iterable[_Part]) -> list[Node]:
    return [part for part in parts if isinstance(part, Node)]
