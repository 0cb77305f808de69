"""What a comparison comes to, as plain data: the answer, the differences, a witness for each.

Source: DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from invarlock.policy.signers import KeySigner, WorkflowSigner

Side = Literal["old", "new"]


class Strictness(StrEnum):
    """What the new bar is, held against the old one."""

    EQUAL = "equal"
    """Both accept the same."""
    STRICTER = "stricter"
    """What the new accepts the old accepts too, and not the other way round."""
    WEAKER = "weaker"
    """What the old accepts the new accepts too, and not the other way round."""
    MIXED = "mixed"
    """Each accepts something that the other does not."""
    INCOMPARABLE = "incomparable"
    """They measure differently, or speak of signers of different kinds."""

    @classmethod
    def of(cls, *, old_only: bool, new_only: bool) -> Strictness:
        """The answer, given whether each side accepts something that the other does not."""
        if old_only and new_only:
            return cls.MIXED
        if old_only:
            return cls.STRICTER
        return cls.WEAKER if new_only else cls.EQUAL


def combined(parts: Iterable[Strictness]) -> Strictness:
    """The answer over several: stricter here and weaker there is mixed."""
    found = set(parts)
    if Strictness.INCOMPARABLE in found:
        return Strictness.INCOMPARABLE
    return Strictness.of(
        old_only=bool(found & {Strictness.STRICTER, Strictness.MIXED}),
        new_only=bool(found & {Strictness.WEAKER, Strictness.MIXED}),
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as the judge would be given it, as plain data.

    ``measure``, ``kind`` and ``name`` say whom it is about, as in :class:`judge.values.Key`.
    ``status`` is that of the value, or ``absent``: there is no such value at all. Numbers are
    exact decimals in the unit of the measure.
    """

    measure: str
    kind: Literal["all", "slice", "family"] = "all"
    name: str = ""
    status: Literal["ok", "missing", "no_interval", "absent"] = "ok"
    point: str | None = None
    low: str | None = None
    high: str | None = None
    words: str | None = None
    identity: KeySigner | WorkflowSigner | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A value that one bar lets pass and the other does not.

    ``synthetic`` says that the bar which accepts it bounds other measures made from the same
    evidence, so that no model need ever show this value together with passing ones of those.
    """

    accepted_by: Side
    sample: Sample
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One key on which the bars differ, each side as the source would write it.

    ``old`` or ``new`` is ``None`` where the bar says nothing. A setting and the task have no
    witness: they change what is measured, not what passes. Nor has a gate whose ``note`` says why.
    """

    key: str
    kind: Literal["gate", "setting", "task"]
    relation: Strictness
    old: str | None
    new: str | None
    witnesses: tuple[Witness, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class BarComparison:
    """Two bars. ``idle`` are differences that change nothing of what is accepted."""

    relation: Strictness
    differences: tuple[Difference, ...]
    idle: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    """Two policies, bar by bar and name by name.

    ``removed`` bars make policies incomparable: who pins one of them is left without. ``added``
    ones change nothing for anybody. ``languages`` holds both versions where they differ.
    """

    relation: Strictness
    bars: tuple[tuple[str, BarComparison], ...]
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    languages: tuple[int, int] | None = None
