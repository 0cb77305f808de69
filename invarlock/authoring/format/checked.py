"""Formatting, and the proof at run time that it changed the layout and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from invarlock.authoring.format.layout import layout
from invarlock.authoring.format.lines import render
from invarlock.errors import InternalFault
from invarlock.policy.compile import compile_policy
from invarlock.policy.decode import MAX_BYTES, decode
from invarlock.policy.diagnostics import PolicyFault, ordered
from invarlock.policy.lex import COMMENT, Token, tokens
from invarlock.policy.parse import Node, parse
from invarlock.policy.problems import Problems
from invarlock.policy.span import Lines, Span
from invarlock.policy.units import IncludeReader

_START: Final = Span(1, 1, 1, 1)


def format_source(source: bytes, *, filename: str) -> bytes:
    """``source``, laid out in the one style of the language.

    Pure; ``filename`` only labels diagnostics. Raises :class:`PolicyFault` with every syntax
    error, and E115 where the text cannot be read or would outgrow the cap on policy files.
    Errors of meaning do not stop it. Formatting what is formatted changes nothing.
    """
    text, root = _read(source, filename)
    return _format(text, root, filename)


def format_checked(source: bytes, *, filename: str, includes: IncludeReader | None = None) -> bytes:
    """As :func:`format_source`, for what is about to be written: :func:`ensure_same` holds.

    ``includes`` reads what the policy includes; without it such a policy has no digest to compare.
    """
    formatted = format_source(source, filename=filename)
    if formatted != source:
        ensure_same(source, formatted, filename=filename, includes=includes)
    return formatted


def ensure_same(
    source: bytes, formatted: bytes, *, filename: str, includes: IncludeReader | None = None
) -> None:
    """Make sure that two texts differ in layout only (DESIGN section 3).

    Raises :class:`InternalFault` E132 unless both have the same syntax, the same comments in the
    same order and, where ``source`` compiles, the same digest. Neither text may have syntax
    errors.
    """
    text, root = _read(source, filename)
    again, tree = _read(formatted, filename)
    if list(_shape(root)) != list(_shape(tree)):
        raise _refusal(filename, "the syntax tree")
    if list(_comments(text)) != list(_comments(again)):
        raise _refusal(filename, "the comments")
    digest = _digest(source, includes)
    if digest is not None and _digest(formatted, includes) != digest:
        raise _refusal(filename, "the digest")


def _refusal(filename: str, what: str) -> InternalFault:
    message = f"formatting `{filename}` would change {what}"
    return InternalFault("E132", message, "the file was left as it is; please report this")


def _read(source: bytes, filename: str) -> tuple[str, Node]:
    problems = Problems()
    with problems.collecting():
        text = decode(source)
        root, faults = parse(text)
        if not faults:
            return text, root
        lines = Lines(text)
        for fault in faults:
            problems.add(fault.code, fault.message, fault.hint, lines.span(fault.start, fault.end))
    raise PolicyFault([replace(d, filename=filename) for d in ordered(problems.found)], source)


def _format(text: str, root: Node, filename: str) -> bytes:
    formatted = render(layout(text, root)).encode()
    if len(formatted) > MAX_BYTES:
        problems = Problems()
        message = f"formatted, the file would have {len(formatted)} bytes, more than {MAX_BYTES}"
        problems.add("E115", message, "split the policy", _START)
        raise PolicyFault([replace(d, filename=filename) for d in problems.found], text.encode())
    return formatted


def _shape(root: Node) -> Iterator[tuple[str, str | int]]:
    """The tree without places: each node with its number of children, each token as written."""
    waiting: list[Node | Token] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Node):
            yield part.name, len(part.children)
            waiting.extend(reversed(part.children))
        else:
            yield part.type, part.text


def _comments(text: str) -> Iterator[str]:
    """Comments in order, without the blanks at their ends."""
    for token in tokens(text, comments=True):
        if token.type == COMMENT:
            yield token.text.rstrip()


def _digest(source: bytes, includes: IncludeReader | None) -> str | None:
    """The policy's digest; ``None`` where it does not compile."""
    try:
        return compile_policy(source, filename="", includes=includes).ir.digest
    except PolicyFault:
        return None
