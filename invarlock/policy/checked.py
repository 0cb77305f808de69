"""A checked policy: every name is known, every number is in its unit, nothing is resolved yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from invarlock.policy.ir import Gate, Target
from invarlock.policy.signers import SignerRule
from invarlock.policy.span import Span
from invarlock.policy.syntax import DigestText, Text, Word


@dataclass(frozen=True, slots=True, eq=False)
class PlacedSetting:
    """The normalised value of a setting, and where it is set."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class PlacedGate:
    """A gate, and where it is written."""

    gate: Gate
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class PlacedSigner:
    """The rule of a signer, and where it is named."""

    rule: SignerRule
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class PlacedInclude:
    """An included file. ``path`` is as written, ``target`` the same from the folder of the policy
    that is compiled, ``pin`` the digest of its policy if it is pinned."""

    path: Text
    target: str
    pin: DigestText | None
    alias: Word
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The statements of the top level, a tier or a profile, keyed by setting and by gate id."""

    name: str
    span: Span
    refines: Word | None
    settings: Mapping[str, PlacedSetting]
    gates: Mapping[str, PlacedGate]


@dataclass(frozen=True, slots=True, eq=False)
class Supposed:
    """What a policy test supposes of one value, in the unit of its measure.

    ``status`` is ``ok`` for a number, word, digest or signer, else the word written instead of
    it. ``key`` is the id of the gate that the test spells. Without an interval, ``low`` and
    ``high`` are ``None``. ``words`` is the word or digest, or the name of the signer.
    """

    key: str
    measure: str
    target: Target | None
    status: Literal["ok", "missing", "nan", "unpaired"]
    point: Decimal | None
    low: Decimal | None
    high: Decimal | None
    words: str | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """The outcome that a policy test expects, and the id of the gate that should cause it."""

    outcome: str
    because: str | None
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A policy test: the bar it names, what it supposes and what it expects."""

    name: str
    span: Span
    tier: Word | None
    profile: Word | None
    supposed: tuple[Supposed, ...]
    expected: Expected

    @property
    def mentions(self) -> tuple[tuple[str, Span], ...]:
        """The gates that the test speaks of, each with its place."""
        named = [(found.key, found.span) for found in self.supposed]
        if self.expected.because is not None:
            named.append((self.expected.because, self.expected.span))
        return tuple(named)


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A policy after :func:`invarlock.policy.check.check`. ``span`` is that of its name."""

    name: str
    version: str
    language: int
    task: str
    about: str
    span: Span
    top: Scope
    tiers: Mapping[str, Scope]
    profiles: Mapping[str, Scope]
    cases: tuple[Case, ...]
    signers: Mapping[str, PlacedSigner]
    includes: Mapping[str, PlacedInclude]
