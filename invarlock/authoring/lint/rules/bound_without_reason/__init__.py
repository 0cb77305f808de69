"""Bounds whose number nobody explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from invarlock.authoring.lint.allow import is_directive
from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Comment, Linted, label_text
from invarlock.policy.diagnostics import shown
from invarlock.policy.syntax import Block, Bound, Gate, In, Statement


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each block, and the top level, with bounds that no comment explains."""
    scopes: list[tuple[str, Iterable[Statement]]] = [("the top level", linted.source.body)]
    for kind in ("tier", "profile"):
        scopes += [
            (f"the {kind} `{shown(label_text(block))}`", block.body)
            for block in linted.blocks(kind)
            if not _explained(linted, block)
        ]
    for name, body in scopes:
        bare = [gate for gate in body if isinstance(gate, Gate) and _needs_reason(linted, gate)]
        if bare:
            count = "one bound" if len(bare) == 1 else f"{len(bare)} bounds"
            message = f"{count} of {name} without a comment that says why"
            yield Hit(message, "say beside the number where it comes from", bare[0].span)


def _explained(linted: Linted, block: Block) -> bool:
    """Whether a comment above the block, or after its ``{``, speaks for all of it."""
    line = block.span.line
    return _speaks([*linted.above(line), *_at(linted, line)])


def _needs_reason(linted: Linted, gate: Gate) -> bool:
    relation = gate.relation
    if isinstance(relation, In) or (isinstance(relation, Bound) and relation.operator == "=="):
        return False  # words need none, and that something is exactly so is no choice of a number
    lines = range(gate.span.line, gate.span.end_line + 1)
    return not _speaks([*(c for line in lines for c in _at(linted, line)), *_over(linted, gate)])


def _over(linted: Linted, gate: Gate) -> Iterator[Comment]:
    """The comments on lines of their own above the gate, in the same paragraph."""
    line = gate.span.line - 1
    while line > 0 and (row := linted.row(line).strip()) and not row.endswith(("{", "}")):
        found = linted.comments.get(line)
        if found is not None and found.own:
            yield found
        line -= 1


def _at(linted: Linted, line: int) -> Iterator[Comment]:
    found = linted.comments.get(line)
    if found is not None:
        yield found


def _speaks(comments: Iterable[Comment]) -> bool:
    return any(c.text.strip("# \t") and not is_directive(c) for c in comments)


RULE: Final = Rule(
    "bound-without-reason", "info", "a bound without a comment that says why", check, __file__
)
