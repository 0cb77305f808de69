"""Tokens → tree, by the generated LALR(1) tables, with recovery at newlines.

An unexpected token is reported; the statement it stands in becomes an ``error`` node, and
parsing goes on after the line, so that all syntax errors of a file are found at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from invarlock.policy.diagnostics import shown
from invarlock.policy.expected import SyntaxFault, complaint, meant_as_starter, misspelt
from invarlock.policy.lex import BAD, END, Token, tokens
from invarlock.policy.names import STARTERS
from invarlock.policy.slips import head_goes_on, runs_on, slip
from invarlock.policy.tables import ACTIONS, GOTOS, KEYWORDS, RULES, START
from invarlock.policy.tables import END as ACCEPT

MAX_TOKENS: Final = 50_000
"""Words of a file: about what the caps on blocks and gates leave room for, read in a second."""
MAX_BLOCKS: Final = 8
MAX_SYNTAX_ERRORS: Final = 100

_SYNCHRONISERS: Final = ("stmt", "policy", "version")
_SEPARATORS: Final = ("_NL", "SEMICOLON")
_STARTERS: Final = frozenset(STARTERS)
_SET_BEFORE: Final = frozenset({"CMP", "EQUAL", "COMMA"})


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A production: its name, children, and character offsets. ``error`` stands for a statement
    that could not be read."""

    name: str
    children: tuple[Node | Token, ...]
    start: int
    end: int


# A symbol on the stack: a terminal, a production, or the children of one that is spliced.
_Symbol = Token | Node | list["Node | Token"]


def parse(text: str) -> tuple[Node, tuple[SyntaxFault, ...]]:
    """The tree of ``text`` and all syntax errors found. The tree is whole only if there are none.

    Pure; ends on any text: each recovery moves forward, and sizes are capped.
    """
    found = list(islice(tokens(text), MAX_TOKENS + 1))
    if len(found) > MAX_TOKENS:
        fault = SyntaxFault(f"more than {MAX_TOKENS} words", "split the policy", 0, 0)
        return Node("start", (), 0, 0), (fault,)
    return _Parser(found).run()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.states: list[int] = [START]
        self.symbols: list[_Symbol] = []
        self.faults: list[SyntaxFault] = []

    def run(self) -> tuple[Node, tuple[SyntaxFault, ...]]:
        position = 0
        while self.states[-1] != ACCEPT:
            token = self.tokens[position]
            if self.feed(token):
                position += token.type != END
            elif len(self.faults) >= MAX_SYNTAX_ERRORS:
                return Node("start", (), 0, 0), tuple(self.faults)
            else:
                position = self.recover(position)
        root = self.symbols[-1]
        if not isinstance(root, Node):
            raise TypeError("the start symbol is no production")
        return root, tuple(self.faults)

    def feed(self, token: Token) -> bool:
        """Reduce and shift by ``token``; false, with the stack as reduced so far, if it is out
        of place."""
        kind = KEYWORDS.get(token.text, "") if token.type == "NAME" else ""
        if kind not in ACTIONS[self.states[-1]]:
            kind = token.type
        if kind == "LBRACE" and self.open_braces() >= MAX_BLOCKS:
            return False
        while True:
            action = ACTIONS[self.states[-1]].get(kind)
            if action is None:
                return False
            if action >= 0:
                self.push(action, token if kind == token.type else _as(token, kind))
                return True
            self.reduce(-1 - action)
            if kind == END and self.states[-1] == ACCEPT:
                return True

    def push(self, state: int, symbol: _Symbol) -> None:
        self.states.append(state)
        self.symbols.append(symbol)

    def reduce(self, number: int) -> None:
        origin, name, count, kept, single = RULES[number]
        popped = self.symbols[len(self.symbols) - count :]
        del self.symbols[len(self.symbols) - count :]
        del self.states[len(self.states) - count :]
        # A list that grows from the left is extended in place: linear time, however long it is.
        children = popped[0] if kept[:1] == (0,) and isinstance(popped[0], list) else []
        for place in kept:
            symbol = popped[place]
            if symbol is children:
                continue
            if isinstance(symbol, list):
                children.extend(symbol)
            else:
                children.append(symbol)
        self.push(GOTOS[self.states[-1]][origin], _symbol(name, single, children, popped))

    def open_braces(self) -> int:
        return sum(1 for s in self.symbols if isinstance(s, Token) and s.type == "LBRACE")

    # --- recovery ---------------------------------------------------------------------------

    def recover(self, position: int) -> int:
        """Report the token at ``position``, replace its statement by an error node, and return
        where to go on."""
        token = self.tokens[position]
        self.settle()
        self.report(position)
        possible = ACTIONS[self.states[-1]]
        if token.type == END and self.open_braces():
            return self.close_all(position)
        if (start := head_goes_on(self.tokens, position, possible)) is not None:
            return start
        if runs_on(self.tokens, position, possible):
            self.feed(_virtual("SEMICOLON", token.start))
            return position
        popped = self.unwind()
        state = self.states[-1]
        wanted = next(name for name in _SYNCHRONISERS if name in GOTOS[state])
        if wanted != "stmt" and self.header_is_missing(wanted, position, popped):
            self.insert(wanted, token)
            return position
        head = popped[0] if popped else token
        if wanted == "stmt" and (start := self.swallowed(position, popped)) is not None:
            self.insert("stmt", token)
            return start
        resume = self.skip(position, head, popped)
        if self.tokens[resume].type == "LBRACE":
            self.insert_block(self.tokens[resume])
            return resume + 1
        keep = len(popped) == 1 and isinstance(head, Node) and wanted == "stmt"
        end = self.tokens[resume]
        self.push(GOTOS[state][wanted], head if keep else _error(end.start))
        if end.type == END and wanted != "stmt":
            self.feed(_virtual("SEMICOLON", end.start))
        return resume

    def report(self, position: int) -> None:
        token, possible = self.tokens[position], ACTIONS[self.states[-1]]
        opened = [s for s in self.symbols if isinstance(s, Token) and s.type == "LBRACE"]
        if token.type == END and opened:
            brace = opened[-1]
            fault = SyntaxFault("`{` is not closed", "add the missing `}`", brace.start, brace.end)
        elif known := slip(self.tokens, position, possible):
            fault = known
        elif found := misspelt(token, self.unfinished(), possible):
            word, hint = found
            message = f"unknown word `{shown(word.text)}`"
            fault = SyntaxFault(message, hint, word.start, word.end, "E102")
        else:
            before = self.tokens[position - 1] if position else None
            too_deep = token.type == "LBRACE" and len(opened) >= MAX_BLOCKS
            message, hint = complaint(token, before, possible, too_deep=too_deep)
            fault = SyntaxFault(message, hint, token.start, max(token.end, token.start))
        self.faults.append(fault)

    def unfinished(self) -> list[_Symbol]:
        """What stands on the stack of the statement or header line that is being read."""
        place = len(self.states) - 1
        while not any(name in GOTOS[self.states[place]] for name in _SYNCHRONISERS):
            place -= 1
        return self.symbols[place:]

    def close_all(self, position: int) -> int:
        """At the end of the text inside blocks: close them, so that their inside is checked."""
        end = self.tokens[position].start
        self.unwind()
        while self.open_braces():
            self.push(GOTOS[self.states[-1]]["stmt"], _error(end))
            self.feed(_virtual("RBRACE", end))
            self.feed(_virtual("SEMICOLON", end))
            self.settle()
        return position

    def settle(self) -> None:
        """Finish the separators before a bad token, so that the statement they end is kept."""
        for opening in ("REQUIRE", "POLICY", "INVAR"):
            while (action := ACTIONS[self.states[-1]].get(opening, 0)) < 0:
                self.reduce(-1 - action)

    def unwind(self) -> list[_Symbol]:
        """Pop to the nearest state that awaits a statement or a header line."""
        popped = self.unfinished()
        if popped:
            del self.symbols[-len(popped) :], self.states[-len(popped) :]
        return popped

    def header_is_missing(self, wanted: str, position: int, popped: list[_Symbol]) -> bool:
        token, following = self.tokens[position], self.tokens[position + 1 :][:1]
        if popped:
            return False
        if wanted == "version" and token.text == "policy":
            return True
        after = following[0].type if following else END
        return token.text in _STARTERS or after in {"EQUAL", "LBRACE"}

    def insert(self, wanted: str, token: Token) -> None:
        self.push(GOTOS[self.states[-1]][wanted], _error(token.start))
        self.feed(_virtual("SEMICOLON", token.start))

    def insert_block(self, brace: Token) -> None:
        self.feed(_virtual("NAME", brace.start))
        self.feed(brace)

    def skip(self, position: int, head: _Symbol, popped: list[_Symbol]) -> int:
        """The first token after ``position`` at which parsing can go on: a separator, a ``}``
        that closes an open block, a ``{`` that opens one, or the end."""
        depth = sum(1 for s in popped if isinstance(s, Token) and s.type == "LBRACE")
        is_block = self.could_open_block(head)
        inside = self.open_braces() > 0
        while (token := self.tokens[position]).type != END:
            starter = self.tokens[position + 1].text in _STARTERS
            if token.type in _SEPARATORS and (depth == 0 or starter):
                return position
            if token.type == "LBRACE":
                if depth == 0 and is_block and self.tokens[position - 1].type not in _SET_BEFORE:
                    return position
                depth += 1
            elif token.type == "RBRACE":
                if depth == 0 and inside:
                    return position
                depth = max(0, depth - 1)
            position += 1
        return position

    def swallowed(self, position: int, popped: list[_Symbol]) -> int | None:
        """Where a statement begins that an unfinished one before it has run into. Inside an
        unclosed set its first word was taken for an item, one token ago."""
        in_set = any(isinstance(s, Token) and s.type == "LBRACE" for s in popped)
        for start in (position, position - 1) if in_set else (position,) if popped else ():
            before = self.tokens[start - 1]
            if before.type in _SEPARATORS and self.tokens[start].text in _STARTERS:
                return start
        return None

    def could_open_block(self, head: _Symbol) -> bool:
        if not isinstance(head, Token) or head.type not in {"NAME", BAD}:
            return False
        return not meant_as_starter(head) and self.open_braces() < MAX_BLOCKS


def _symbol(
    name: str, single: bool, children: list[Node | Token], popped: list[_Symbol]
) -> _Symbol:
    if not name:
        return children
    if single and len(children) == 1:
        return children[0]
    ends = [symbol for symbol in popped if not isinstance(symbol, list)]
    start, end = (ends[0].start, ends[-1].end) if ends else (0, 0)
    return Node(name, tuple(children), start, end)


def _as(token: Token, kind: str) -> Token:
    return Token(kind, token.text, token.start, token.end)


def _virtual(kind: str, offset: int) -> Token:
    return Token(kind, "", offset, offset)


def _error(offset: int) -> Node:
    return Node("error", (), offset, offset)
