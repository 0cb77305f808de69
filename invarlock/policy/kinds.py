"""The types of the catalogue: units, kinds, natural ranges, and what declares a measure or setting.

Source: DESIGN section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Unit(StrEnum):
    """The unit a value is kept in. ``105%`` and ``1.05`` are one ratio; ``5 pp`` is not."""

    RATIO = "ratio"
    PP = "pp"
    NATS = "nats"
    COUNT = "count"
    TOKENS = "tokens"
    WINDOWS = "windows"


class Kind(StrEnum):
    """What a gate on the measure can say."""

    NUMBER = "number"
    """Decided by an interval of numbers."""
    WORD = "word"
    """Decided by membership in a finite set of words."""
    DIGEST = "digest"
    """Decided by membership in a finite set of ``sha256:`` digests."""
    SIGNER = "signer"
    """Decided by the rules of the signers named."""


@dataclass(frozen=True, slots=True)
class Range:
    """A natural range of exact decimals; ``None`` is unbounded."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_closed: bool = True
    high_closed: bool = True


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    ``interval`` says that an interval estimate exists: the interval decides, and ``.point`` is
    allowed. ``slices`` and ``families`` say which ``on`` targets make sense. ``harmful`` is the
    side on which the subject is worse: ``"above"``, ``"below"``, ``"both"`` or ``"none"``.
    ``evidence`` names the part of the evidence that the value is recomputed from.

    With ``families``, the value of the whole is the largest of theirs. ``at_least`` names a
    measure that is never larger on the same windows, ``within`` one that is never smaller than its
    size, whatever its sign. ``order`` holds pairs of words, the weaker
    first; what stands in none of them has no rank. ``tasks`` names those it is measured for; none
    named means all. ``minimum`` is the fewest windows that say anything of a value without its
    interval; an interval goes by the documents that ``estimate.minimum`` asks for.
    """

    name: str
    kind: Kind
    summary: str
    evidence: str
    unit: Unit | None = None
    range: Range = Range()
    harmful: str = "none"
    interval: bool = False
    slices: bool = False
    families: bool = False
    words: tuple[str, ...] = ()
    order: tuple[tuple[str, str], ...] = ()
    at_least: str = ""
    within: str = ""
    tasks: tuple[str, ...] = ()
    minimum: int = 0

    def measured_for(self, task: str) -> bool:
        """Whether the measure exists for ``task``."""
        return not self.tasks or task in self.tasks


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that engine or judge reads. ``words`` or ``unit`` and ``range`` type it.

    ``tasks`` names those that can have another value than the default; none named means all.
    ``measure`` names the one measure that follows from it, where no other does.
    """

    name: str
    summary: str
    default: str
    unit: Unit | None = None
    range: Range = Range()
    whole: bool = False
    words: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    measure: str = ""
