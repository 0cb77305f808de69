"""Writing pins: the digest of each included policy, put where its ``include`` stands.

Nothing but the digests changes; every other byte of the file stays (DESIGN section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from invarlock.policy.build import build
from invarlock.policy.check_include import check_include
from invarlock.policy.checked import PlacedInclude
from invarlock.policy.decode import decode
from invarlock.policy.diagnostics import PolicyFault, named, ordered
from invarlock.policy.parse import parse
from invarlock.policy.problems import Problems
from invarlock.policy.span import Lines
from invarlock.policy.syntax import Include
from invarlock.policy.units import IncludeReader, Units


class Repinned(NamedTuple):
    """An include whose pin changed: from ``old``, ``None`` where it was not pinned."""

    alias: str
    path: str
    old: str | None
    new: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """The policy with all includes pinned, and what changed for that."""

    text: bytes
    changes: tuple[Repinned, ...]


def freeze(source: bytes, filename: str, reader: IncludeReader) -> Frozen:
    """``source`` with each include pinned to the policy that ``reader`` gives for it.

    Only the includes of this file are pinned: those of what it includes must be pinned already.
    Pure but for ``reader``. Raises :class:`PolicyFault` with the errors of included files, or of
    this file where they leave its includes open.
    """
    problems, units = Problems(), Units(reader)
    pins: list[tuple[PlacedInclude, str]] = []
    text = ""
    with problems.collecting():
        text = decode(source)
        for placed in _includes(text, problems):
            with problems.collecting():
                unit = units.include(placed, problems)
                if unit is not None:
                    pins.append((placed, unit.ir.digest))
    if problems.any_error:
        found = [named(each, filename) for each in ordered(problems.found)]
        raise PolicyFault(found, source, units.sources)
    return _written(text, pins)


def _includes(text: str, problems: Problems) -> list[PlacedInclude]:
    """The includes of ``text``. Only errors in reading it, and in them, go to ``problems``."""
    tree, faults = parse(text)
    lines = Lines(text)
    for fault in faults:
        problems.add(fault.code, fault.message, fault.hint, lines.span(fault.start, fault.end))
    found: dict[str, PlacedInclude] = {}
    for statement in build(tree, text).body:
        if isinstance(statement, Include):
            with problems.collecting():
                placed = check_include(statement, "", found)
                found[placed.alias.text] = placed
    return list(found.values())


def _written(text: str, pins: list[tuple[PlacedInclude, str]]) -> Frozen:
    lines = Lines(text)
    changes: list[Repinned] = []
    for placed, digest in reversed(pins):
        old = placed.pin
        if old is not None and old.text == digest:
            continue
        if old is None:
            start = end = lines.offset(placed.path.span.end_line, placed.path.span.end_column)
            digest_text = f" {digest}"
        else:
            start = lines.offset(old.span.line, old.span.column)
            end = lines.offset(old.span.end_line, old.span.end_column)
            digest_text = digest
        text = text[:start] + digest_text + text[end:]
        before = None if old is None else old.text
        changes.append(Repinned(placed.alias.text, placed.path.text, before, digest))
    return Frozen(text.encode(), tuple(reversed(changes)))
