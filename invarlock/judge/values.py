"""What ``estimate`` gives and ``decide`` reads: values, each for the whole or for one target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from invarlock.policy.ir import Target
from invarlock.policy.signers import KeySigner, WorkflowSigner


class Key(NamedTuple):
    """Whom a value is about: the whole, one slice of the data, or one family of matrices."""

    measure: str
    kind: Literal["all", "slice", "family"] = "all"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One measured value.

    Attributes:
        status: ``ok``; ``missing`` when the evidence has nothing, or something unpaired, to
            compute it from; ``non_finite`` when NaN or infinity went into it; ``too_few`` when
            there are too few windows for it to say anything; ``pending`` when only a verifier can
            know it, for ``signature.*`` alone.
        point: the estimate, in the unit of the measure, rounded half-even to 1e-9.
        low, high: ends of the interval estimate, where there is one.
        words: the word or digest of a measure that is not a number.
        identity: who signed, for ``signature.by`` alone.
        reason: why there is no point or no interval, or what else should be known.
        exact: whether point and ends are exact; if not, they may be off by 1e-9.
        windows: how many windows an interval was made from; 0 where that is not known.
        early: whether it was made from some of the windows that the bar plans to look at.
        planned: of an amount of evidence, what the bar's looks come to in the end.
    """

    status: Literal["ok", "missing", "non_finite", "too_few", "pending"]
    point: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    words: str | None = None
    identity: KeySigner | WorkflowSigner | None = None
    reason: str = ""
    exact: bool = True
    windows: int = 0
    early: bool = False
    planned: Decimal | None = None


MISSING = Value("missing", reason="nothing in the evidence to compute it from")


@dataclass(frozen=True, slots=True)
class Values:
    """Values by key. What is not there is missing."""

    items: Mapping[Key, Value] = field(default_factory=dict)

    def get(self, key: Key) -> Value:
        """The value of ``key``, or one of status ``missing``."""
        return self.items.get(key, MISSING)

    def also(self, items: Mapping[Key, Value]) -> Values:
        """These values and ``items``, which are taken where both have one."""
        return Values({**self.items, **items})

    def of(self, measure: str, target: Target | None) -> Iterator[tuple[Key, Value]]:
        """The values that a gate speaks of: one, or one for each family present."""
        if target is None:
            yield Key(measure), self.get(Key(measure))
        elif target.kind == "each":
            for key in sorted(self.items):
                if key.measure == measure and key.kind == target.name:
                    yield key, self.items[key]
        else:
            key = Key(measure, target.kind, target.name)
            yield key, self.get(key)
