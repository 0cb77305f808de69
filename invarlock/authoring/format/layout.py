"""Tokens and tree → lines. Where the tree says what a statement is, the tokens say how it was
laid out: which sets and blocks were broken, where blank lines and comments stood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from invarlock.authoring.format.lines import INDENT, MAX_WIDTH, Kind, Line
from invarlock.policy.lex import COMMENT, END, Token, tokens
from invarlock.policy.parse import Node

_TIGHT_BEFORE: Final = frozenset({"COMMA", "PERCENT", "COLON", "RPAR", "RSQB", "RBRACE"})
_TIGHT_AFTER: Final = frozenset({"LPAR", "LSQB", "LBRACE"})
_LAYOUT: Final = frozenset({"_NL", COMMENT})
_KINDS: Final[dict[str, Kind]] = {"gate": "gate", "setting": "setting", "given": "given"}


def layout(text: str, root: Node) -> list[Line]:
    """The lines that ``text``, whose tree without errors is ``root``, is formatted to."""
    return _Layout(text, root).run()


class _Layout:
    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.tokens = list(tokens(text, comments=True))
        self.statements = {node.start: node for node in _statements(root)}
        self.position = 0
        self.lines: list[Line] = []
        self.newlines = 0
        """Line ends since the last code or comment."""
        self.after_block = False

    def run(self) -> list[Line]:
        self.body(0)
        return self.lines

    # --- statements -------------------------------------------------------------------------

    def body(self, depth: int) -> None:
        """Statements and comments, up to the ``}`` or the end that closes them."""
        while (token := self.tokens[self.position]).type not in {"RBRACE", END}:
            if token.type not in {"_NL", COMMENT, "SEMICOLON"}:
                self.statement(self.statements[token.start], depth)
                continue
            self.pause(token, depth)

    def pause(self, token: Token, depth: int) -> None:
        """What stands between statements, or between the items of a set."""
        self.position += 1
        if token.type == COMMENT:
            self.comment(token, depth)
        elif token.type == "_NL":
            self.newlines += 1
        else:
            self.newlines = min(self.newlines, 1)

    def statement(self, node: Node, depth: int) -> None:
        if node.name == "block":
            self.block(node, depth)
            return
        found = self.take(node.end)
        brace = next((n for n, token in enumerate(found) if token.type == "LBRACE"), len(found))
        kind = _KINDS.get(node.name, "plain")
        cells = _cells(kind, node, _without_layout(found))
        if brace == len(found) or not _must_break(found[brace:], cells, depth):
            self.emit(Line(depth, kind, cells))
        else:
            cells = _cells(kind, node, found[: brace + 1])
            self.emit(Line(depth, kind, cells, ends=True))
            self.position -= len(found) - brace - 1
            self.items(depth + 1)
            self.close(Line(depth, "close", ["}"]))
        if node.name == "policy":
            self.after_block = True  # the header, too, is followed by a blank line

    def take(self, end: int) -> list[Token]:
        """The tokens from here to the character offset ``end``."""
        start = self.position
        while self.tokens[self.position].start < end:
            self.position += 1
        return self.tokens[start : self.position]

    def items(self, depth: int) -> None:
        """The items of a broken set or map, one a line; a comma goes to the item before it."""
        item: list[Token] = []
        line: Line | None = None
        while (token := self.tokens[self.position]).type != "RBRACE":
            if token.type in _LAYOUT:
                line = self.item(item, depth) or line
                self.pause(token, depth)
                continue
            self.position += 1
            if token.type == "COMMA":
                line = self.item(item, depth) or line
                if line is not None:
                    line.cells[-1] += ","
            else:
                item.append(token)
        self.item(item, depth)

    def item(self, found: list[Token], depth: int) -> Line | None:
        if not found:
            return None
        line = Line(depth, "item", [_joined(found)])
        found.clear()
        self.emit(line)
        return line

    # --- blocks -----------------------------------------------------------------------------

    def block(self, node: Node, depth: int) -> None:
        start = self.position
        found = self.take(node.end)
        brace = next(n for n, token in enumerate(found) if token.type == "LBRACE")
        head, inside = _joined(found[:brace]), found[brace + 1 : -1]
        if not any(token.type == COMMENT for token in inside):
            body = self.on_one_line(found[brace:])
            empty = body == "{}"
            fits = len(INDENT) * depth + len(head) + 1 + len(body) <= MAX_WIDTH
            if fits and (empty or not any(token.type == "_NL" for token in inside)):
                self.emit(Line(depth, "block", [head, body]))
                return
        self.position = start + brace + 1
        self.emit(Line(depth, "open", [f"{head} {{"]))
        self.set_apart()
        self.body(depth + 1)
        self.close(Line(depth, "close", ["}"]))
        self.after_block = True

    def on_one_line(self, found: Sequence[Token]) -> str:
        """A block from ``{`` to ``}`` on one line: statements parted by ``;``."""
        parts: list[str] = []
        place = 1
        while place < len(found) - 1:
            token = found[place]
            if token.type in {"_NL", "SEMICOLON"}:
                place += 1
                continue
            node = self.statements[token.start]
            start = place
            while place < len(found) and found[place].start < node.end:
                place += 1
            parts.append(self.compact(node, found[start:place]))
        return "{ " + "; ".join(parts) + " }" if parts else "{}"

    def compact(self, node: Node, found: Sequence[Token]) -> str:
        if node.name != "block":
            return _joined(_without_layout(found))
        brace = next(n for n, token in enumerate(found) if token.type == "LBRACE")
        return f"{_joined(found[:brace])} {self.on_one_line(found[brace:])}"

    def set_apart(self) -> None:
        """A blank line before the block just opened, above the comments that belong to it."""
        place = len(self.lines) - 1
        while place > 0 and not self.lines[place].blank:
            above = self.lines[place - 1]
            if above.kind != "comment" or above.tail:
                break
            place -= 1
        if place > 0 and self.lines[place - 1].kind != "open":
            self.lines[place].blank = True

    # --- lines ------------------------------------------------------------------------------

    def emit(self, line: Line) -> None:
        """Add ``line``, with a blank line before it where the source or the style has one."""
        wanted = self.newlines >= 2 or self.after_block
        line.blank = wanted and bool(self.lines) and not self.opened()
        self.lines.append(line)
        self.newlines = 0
        self.after_block = False

    def opened(self) -> bool:
        """Whether the line above opened a block or a set, comments that go on included."""
        above = next((line for line in reversed(self.lines) if not line.tail), None)
        return above is not None and (above.kind == "open" or above.ends)

    def close(self, line: Line) -> None:
        self.position += 1
        self.lines.append(line)
        self.newlines = 0
        self.after_block = False

    def comment(self, token: Token, depth: int) -> None:
        text = token.text.rstrip()
        column = token.start - self.text.rfind("\n", 0, token.start)
        above = self.lines[-1] if self.lines else None
        if above is not None and self.newlines == 0 and not above.comment:
            above.comment, above.column = text, column
            return
        line = Line(depth, "comment", [], text)
        if above is not None and self.newlines == 1 and above.column == column:
            line.column, line.tail = column, True
            self.lines.append(line)
            self.newlines = 0
            return
        self.emit(line)


def _statements(root: Node) -> Iterator[Node]:
    """Every statement and header line, those of blocks included."""
    waiting = [root]
    while waiting:
        for child in waiting.pop().children:
            if isinstance(child, Node) and child.name != "label":
                yield child
                if child.name == "block":
                    waiting.append(child)


def _must_break(braces: Sequence[Token], cells: Sequence[str], depth: int) -> bool:
    """Whether a set is laid out one item a line: it was broken, or would be too long so."""
    inside = braces[1:-1]
    if any(token.type == COMMENT for token in inside):
        return True
    if all(token.type == "_NL" for token in inside):
        return False
    if any(token.type == "_NL" for token in inside):
        return True
    several = any(token.type == "COMMA" for token in inside)
    return several and len(INDENT) * depth + len(" ".join(cells)) > MAX_WIDTH


def _cells(kind: Kind, node: Node, found: Sequence[Token]) -> list[str]:
    starts = [found[0].start, *_boundaries(kind, node, found)]
    ends = [*starts[1:], node.end]
    return [
        _joined([token for token in found if start <= token.start < end])
        for start, end in zip(starts, ends, strict=True)
    ]


def _boundaries(kind: Kind, node: Node, found: Sequence[Token]) -> list[int]:
    """Where the second cell of a statement begins, and the third."""
    if kind == "gate":
        return [child.start for child in node.children[1:]]
    if kind == "plain":
        return []
    return [next(token.start for token in found if token.type == "EQUAL")]


def _without_layout(found: Sequence[Token]) -> list[Token]:
    return [token for token in found if token.type not in _LAYOUT]


def _joined(found: Sequence[Token]) -> str:
    out: list[str] = []
    last: Token | None = None
    for token in found:
        tight = last is None or last.type in _TIGHT_AFTER or token.type in _TIGHT_BEFORE
        out.append(token.text if tight else " " + token.text)
        last = token
    return "".join(out)
