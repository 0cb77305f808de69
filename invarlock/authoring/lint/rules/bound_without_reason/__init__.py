"""Bounds whose number nobody explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from invarlock.authoring.lint.allow import is_directive
from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Comment, Linted, label_text
from invarlock.policy.diagnostics import shown
from invarlock.policy.syntax import Bound, Gate, In, Statement


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each block, and the top level, with bounds that no comment explains."""
    explained = _explained(linted)
    scopes: list[tuple[str, Iterable[Statement]]] = [("the top level", linted.source.body)]
    for kind in ("tier", "profile"):
        scopes += [
            (f"the {kind} `{shown(label_text(block))}`", block.body)
            for block in linted.blocks(kind)
            if block.span.line not in explained
        ]
    for name, body in scopes:
        gates = (gate for gate in body if isinstance(gate, Gate) and _is_choice(gate))
        bare = [gate for gate in gates if gate.span.line not in explained]
        if bare:
            count = "one bound" if len(bare) == 1 else f"{len(bare)} bounds"
            message = f"{count} of {name} without a comment that says why"
            yield Hit(message, "say beside the number where it comes from", bare[0].span)


def _is_choice(gate: Gate) -> bool:
    """Whether somebody chose a number: words are none, and `== 0` is how it must be."""
    relation = gate.relation
    equal = isinstance(relation, Bound) and relation.operator == "=="
    return not (isinstance(relation, In) or equal)


def _explained(linted: Linted) -> set[int]:
    """The lines of code that a comment is about: on the line, or above in its paragraph."""
    found: set[int] = set()
    spoken = False
    for line in range(1, len(linted.rows) + 1):
        comment, code = linted.comments.get(line), linted.code(line)
        speaks = comment is not None and _speaks(comment)
        if comment is not None and comment.own:
            spoken = spoken or speaks
        elif not code:
            spoken = False
        elif spoken or speaks:
            found.add(line)
        if code.endswith(("{", "}")):
            spoken = False
    return found


def _speaks(comment: Comment) -> bool:
    return bool(comment.text.strip("# \t")) and not is_directive(comment)


RULE: Final = Rule(
    "bound-without-reason", "info", "a bound without a comment that says why", check, __file__
)
