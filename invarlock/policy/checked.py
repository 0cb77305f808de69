"""A checked policy: every name is known, every number is in its unit, nothing is resolved yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from invarlock.policy.ir import Gate
from invarlock.policy.span import Span
from invarlock.policy.syntax import Word


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
class Scope:
    """The statements of the top level, a tier or a profile, keyed by setting and by gate id."""

    name: str
    span: Span
    refines: Word | None
    settings: Mapping[str, PlacedSetting]
    gates: Mapping[str, PlacedGate]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A policy test: the bar it names, and the gates it speaks of, with their places."""

    name: str
    span: Span
    tier: Word | None
    profile: Word | None
    mentions: tuple[tuple[str, Span], ...]


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
