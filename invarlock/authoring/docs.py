"""A policy as a Markdown page: what it asks in words, each number with the comment beside it.

The page follows the source: what holds for every tier, each tier and profile as it is written,
the bars with their digests, the tests as examples. Comments that stand alone are kept where they
stand; those inside tests are left out. Everything that the writer of the policy chose is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Final

from invarlock.policy import Compiled
from invarlock.policy.build import build
from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.lex import COMMENT, tokens
from invarlock.policy.names import PREFIXES
from invarlock.policy.parse import parse
from invarlock.policy.span import Lines, Span
from invarlock.policy.syntax import Block, Expect, Gate, Given, Include, Setting, Statement
from invarlock.policy.words import meaning
from invarlock.present.markdown_text import block, code, inline, table

_GATES: Final = ("level", "gate", "asks", "in words", "reason", "line")
_SETTINGS: Final = ("setting", "value", "what it is", "reason", "line")
_TESTS: Final = ("test", "bar", "given", "expects")


@dataclass(frozen=True, slots=True)
class _Comment:
    """A comment on a line of its own, without its sign."""

    line: int
    text: str


_Item = Statement | _Comment


def markdown(compiled: Compiled, filename: str) -> str:
    """The page on ``compiled``, which was read from ``filename``."""
    return "\n\n".join(_Page(compiled, filename).parts()) + "\n"


class _Page:
    def __init__(self, compiled: Compiled, filename: str) -> None:
        self.compiled, self.filename = compiled, filename
        self.text = compiled.source.decode()
        self.lines = Lines(self.text)
        self.rows = self.text.split("\n")
        self.body = build(parse(self.text)[0], self.text).body
        self.alone: list[_Comment] = []
        self.beside: dict[int, str] = {}
        for token in tokens(self.text, comments=True):
            if token.type == COMMENT:
                place = self.lines.span(token.start, token.end)
                self.comment(place, token.text.removeprefix("#").rstrip("\r"))
        self.meanings = dict(self.gate_meanings())

    def comment(self, place: Span, text: str) -> None:
        if self.rows[place.line - 1][: place.column - 1].strip():
            self.beside[place.line] = text.strip()
        else:
            self.alone.append(_Comment(place.line, text))

    def gate_meanings(self) -> Iterator[tuple[Span, str]]:
        """In words, each gate that stands in some bar; bare tiers go last, and so decide."""
        for name in sorted(self.compiled.ir.bars, key=lambda name: "+" not in name):
            bar, spans = self.compiled.ir.bars[name], self.compiled.spans[name]
            for gate in bar.gates:
                yield spans[gate.id], meaning(gate, bar.settings)

    # --- the page ---------------------------------------------------------------------------

    def parts(self) -> Iterator[str]:
        yield from self.head()
        items: list[_Item] = sorted([*self.body, *self.outside()], key=_line)
        waiting: list[_Item] = []
        top: list[_Item] = []
        sections: list[tuple[Block, list[_Item]]] = []
        tests: list[_Item] = []
        for item in items:
            waiting.append(item)
            if isinstance(item, _Comment):
                continue
            if isinstance(item, Block) and item.kind.text in {"tier", "profile"}:
                sections.append((item, waiting[:-1]))
            elif isinstance(item, Block) and item.kind.text == "test":
                tests += waiting
            else:
                top += waiting
            waiting = []
        yield "## For every tier"
        yield from self.chunks([*top, *waiting])
        for found, comments in sections:
            yield self.title(found)
            yield from self.chunks(comments)
            yield from self.chunks(sorted([*found.body, *self.inside(found)], key=_line))
        yield from self.bars()
        if tests:
            yield "## Tests"
            yield from self.chunks(tests)

    def head(self) -> Iterator[str]:
        compiled = self.compiled
        yield f"# {inline(compiled.name)} {inline(compiled.version)}"
        about = next(
            (s for s in self.body if isinstance(s, Setting) and s.name.text == "about"), None
        )
        if about is not None:
            yield inline(self.source(about.value.span).strip('"'))
        rows = [
            ("task", code(compiled.ir.task)),
            ("language", code(f"invar {compiled.ir.language}")),
            ("file", code(self.filename)),
            ("policy digest", code(compiled.ir.digest)),
            ("source digest", code(compiled.source_digest)),
        ]
        for statement in self.body:
            if isinstance(statement, Include):
                digest = "" if statement.digest is None else f" {code(statement.digest.text)}"
                what = f"{code(statement.path.text)}{digest} as {code(statement.alias.text)}"
                rows.append(("includes", what))
        yield table(("", ""), rows)

    def title(self, found: Block) -> str:
        name = "" if found.label is None else found.label.text
        parent = "" if found.refines is None else f", refines {code(found.refines.text)}"
        return f"## {found.kind.text.capitalize()} {code(name)}{parent}"

    def bars(self) -> Iterator[str]:
        yield "## Bars"
        rows = [(code(name), code(bar.digest)) for name, bar in self.compiled.ir.bars.items()]
        yield table(("bar", "digest"), rows)

    # --- runs of one kind -------------------------------------------------------------------

    def chunks(self, items: Sequence[_Item]) -> Iterator[str]:
        """Tables of neighbours of one kind, and the comments between them."""
        run: list[_Item] = []
        for item in items:
            if run and type(run[-1]) is not type(item):
                yield from self.chunk(run)
                run = []
            run.append(item)
        yield from self.chunk(run)

    def chunk(self, run: Sequence[_Item]) -> Iterator[str]:
        comments = [item.text for item in run if isinstance(item, _Comment)]
        gates = [self.gate(item) for item in run if isinstance(item, Gate)]
        tests = [
            self.test(item) for item in run if isinstance(item, Block) and item.kind.text == "test"
        ]
        settings = [row for item in run for row in self.settings(item)]
        if comments:
            plain = dedent("\n".join(comments)).split("\n")
            yield inline(plain[0]) if len(plain) == 1 else block(plain)
        if settings:
            yield table(_SETTINGS, settings)
        if gates:
            yield table(_GATES, gates)
        if tests:
            yield table(_TESTS, tests)

    def gate(self, gate: Gate) -> tuple[str, ...]:
        return (
            gate.level,
            code(self.source(gate.subject.span)),
            code(self.source(gate.relation.span)),
            inline(self.meanings.get(gate.span, "")),
            inline(self.beside.get(gate.span.end_line, "")),
            str(gate.span.line),
        )

    def settings(self, item: _Item, prefix: str = "") -> Iterator[tuple[str, ...]]:
        if isinstance(item, Block) and item.kind.text in PREFIXES:
            for inner in item.body:
                yield from self.settings(inner, f"{item.kind.text}.")
        elif isinstance(item, Setting) and (known := SETTINGS.get(prefix + item.name.text)):
            value = self.source(item.value.span)
            reason = inline(self.beside.get(item.span.end_line, ""))
            line = str(item.span.line)
            yield code(known.name), code(value), inline(known.summary), reason, line

    def test(self, found: Block) -> tuple[str, ...]:
        names = {
            s.name.text: self.source(s.value.span) for s in found.body if isinstance(s, Setting)
        }
        bar = "+".join(names[word] for word in ("tier", "profile") if word in names)
        given = [self.source(s.span) for s in found.body if isinstance(s, Given)]
        expect = [self.source(s.span) for s in found.body if isinstance(s, Expect)]
        return (
            inline("" if found.label is None else found.label.text),
            code(bar) if bar else "",
            "<br>".join(code(text.removeprefix("given ")) for text in given),
            "<br>".join(code(text.removeprefix("expect ")) for text in expect),
        )

    # --- places -----------------------------------------------------------------------------

    def source(self, span: Span) -> str:
        """The text at ``span``, on one line."""
        rows = self.rows[span.line - 1 : span.end_line]
        rows[-1] = rows[-1][: span.end_column - 1]
        rows[0] = rows[0][span.column - 1 :]
        return " ".join(" ".join(rows).split())

    def inside(self, found: Block) -> list[_Comment]:
        span = found.span
        return [comment for comment in self.alone if span.line < comment.line < span.end_line]

    def outside(self) -> list[_Comment]:
        blocks = [item for item in self.body if isinstance(item, Block)]
        within = {comment.line for found in blocks for comment in self.inside(found)}
        return [comment for comment in self.alone if comment.line not in within]


def _line(item: _Item) -> int:
    return item.line if isinstance(item, _Comment) else item.span.line
