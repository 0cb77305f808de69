"""The syntax of a policy as data: what was written, where, and nothing about what it means.

Nodes compare by identity: no two places in a source are the same, and each comparison method
that is not generated makes `policy check` start sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from invarlock.policy.span import Span


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """A bare name: of a measure, a tier, a unit, a word of the catalogue."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A string, without its quotes."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class DigestText:
    """``sha256:`` and 64 hex digits."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """A number as written, with ``%``, a unit or neither."""

    number: str
    unit: str
    span: Span

    @property
    def text(self) -> str:
        """The quantity as a message repeats it."""
        gap = "" if self.unit in {"", "%"} else " "
        return self.number + gap + self.unit


Scalar = Word | Text | DigestText | Quantity


@dataclass(frozen=True, slots=True, eq=False)
class SetValue:
    """``{a, b}``."""

    items: tuple[Scalar, ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class MapValue:
    """``{a: 1, b: 2}``."""

    pairs: tuple[tuple[Word, Scalar], ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """``<= 1.10``."""

    operator: str
    value: Scalar
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """``in [0.95, 1.05]``, with round or square ends."""

    low: Quantity
    high: Quantity
    low_closed: bool
    high_closed: bool
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class In:
    """``in {a, b}``."""

    values: SetValue
    span: Span


Relation = Bound | Inside | In


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What follows ``on``; ``place`` is that of the name alone."""

    kind: Literal["slice", "family", "each"]
    name: str
    place: Span
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What a gate speaks of: a measure, perhaps with a statistic, perhaps ``on`` a part."""

    name: Word
    target: Target | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """``name = value``."""

    name: Word
    value: Scalar | SetValue | MapValue
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """``require|warn SUBJECT relation``."""

    level: Literal["require", "warn"]
    subject: Subject
    relation: Relation
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Include:
    """``include "F" sha256:… as NAME``; without a digest it is not pinned."""

    path: Text
    digest: DigestText | None
    alias: Word
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A value that a policy test supposes."""

    subject: Subject
    value: Scalar
    interval: Inside | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Expect:
    """The verdict that a policy test expects, and the gate that should cause it."""

    verdict: Word
    because: Subject | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """``kind LABEL refines PARENT { … }``; ``kind`` is empty for a block whose head is broken.

    ``whole`` is false where a statement of the body could not be read.
    """

    kind: Word
    label: Word | Text | None
    refines: Word | None
    body: tuple[Statement, ...]
    span: Span
    whole: bool = True


Statement = Setting | Gate | Block | Include | Given | Expect


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A whole file. ``version``, ``name`` and ``release`` are ``None`` where unreadable."""

    version: Quantity | None
    name: Word | None
    release: Text | None
    body: tuple[Statement, ...]
    span: Span
