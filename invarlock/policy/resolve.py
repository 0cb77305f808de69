"""Checked policy → bars: inheritance along ``refines``, and profiles combined to the stricter.

Chain: top level → refined tier → tier. In a child the same key replaces, and must be at least as
strict; other keys add. An included tier comes with the top level of its own file, and is combined
with that of this one. A profile tightens: the relations of both are intersected, and a gate is
required if either requires it (DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.checked import Checked, PlacedGate, PlacedSetting, Scope
from invarlock.policy.names import did_you_mean
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.resolve_case import check_case_bar
from invarlock.policy.signers import Budget
from invarlock.policy.stricter import both, check_refinement, repeats
from invarlock.policy.syntax import Word


@dataclass(frozen=True, slots=True)
class Resolved:
    """One bar: the settings that the source sets, and all gates, with their places."""

    settings: Mapping[str, PlacedSetting]
    gates: Mapping[str, PlacedGate]


@dataclass(frozen=True, slots=True)
class Included:
    """An included file: its path, the names of its tiers, and its bars."""

    path: str
    tiers: Set[str]
    bars: Mapping[str, Resolved]


@dataclass(frozen=True, slots=True)
class _Combined:
    """What pairs of gates come to, and what comparing their signers may cost. Tiers share
    inherited gates, so that each pair is worked out once."""

    gates: dict[tuple[int, int], PlacedGate]
    budget: Budget


def resolve(
    checked: Checked, included: Mapping[str, Included | None], problems: Problems, budget: Budget
) -> dict[str, Resolved]:
    """Every bar of the policy by its name: ``tier``, and ``tier+profile`` for each pair.

    ``included`` holds what the policy includes by alias, ``None`` for what is broken and reported.
    Errors (E105 to E109, E111, E114) and warnings go to ``problems``; usable only without errors.
    Comparing signers costs ``budget``.
    """
    resolver = _Resolver(checked, included, problems, budget)
    combined = _Combined({}, budget)
    bars: dict[str, Resolved] = {}
    for name, tier in checked.tiers.items():
        bare = resolver.tier(name)
        bars[name] = bare
        required = any(placed.gate.level == "require" for placed in bare.gates.values())
        if not required and name not in resolver.broken:
            message = f"the tier `{name}` requires nothing, so it could never pass"
            problems.add("E111", message, "add a `require`", tier.span)
        for profile in checked.profiles.values():
            bars[f"{name}+{profile.name}"] = _combine(bare, profile, combined, problems)
    for profile in checked.profiles.values():
        bare_bars = [bars[name] for name in checked.tiers]
        _warn_overrides(checked, profile, bare_bars, problems)
        _warn_idle(checked, profile, bars, problems)
    for case in checked.cases:
        with problems.collecting():
            gates = {name: bar.gates.keys() for name, bar in bars.items()}
            check_case_bar(case, checked, gates, resolver.broken)
    return bars


class _Resolver:
    def __init__(
        self,
        checked: Checked,
        included: Mapping[str, Included | None],
        problems: Problems,
        budget: Budget,
    ) -> None:
        self.checked, self.included, self.problems = checked, included, problems
        self.budget = budget
        self.done: dict[str, Resolved] = {}
        self.parents: dict[str, Resolved | None] = {}
        self.broken: set[str] = set()
        """Tiers whose parent cannot be had; what is missing from them says nothing."""
        self.top = Resolved(checked.top.settings, checked.top.gates)

    def tier(self, name: str) -> Resolved:
        """The tier ``name`` with all that it refines; each is resolved once."""
        for link in reversed(self.chain(name)):
            if link not in self.done:
                scope = self.checked.tiers[link]
                self.done[link] = self.inherit(self.parent(scope), scope)
        return self.done[name]

    def chain(self, name: str) -> list[str]:
        """``name``, what it refines, and so on, up to a tier that is done, refines nothing of this
        file, or cannot be resolved."""
        chain = [name]
        while chain[-1] not in self.done:
            refines = self.checked.tiers[chain[-1]].refines
            if refines is None or "." in refines.text:
                break
            if refines.text in chain:
                start = chain.index(refines.text)
                circle = " refines ".join(f"`{link}`" for link in [*chain[start:], refines.text])
                self.problems.add("E109", f"a circle: {circle}", "drop one", refines.span)
                break
            if refines.text not in self.checked.tiers:
                hint = did_you_mean(refines.text, self.checked.tiers, "name a tier of this file")
                message = f"unknown tier `{refines.text}`"
                self.problems.add("E107", message, hint, refines.span)
                break
            chain.append(refines.text)
        return chain

    def parent(self, scope: Scope) -> Resolved:
        """What ``scope`` refines: an own tier, an included one under this file's top level, or
        the top level."""
        refines = scope.refines
        if refines is None:
            return self.top
        if "." not in refines.text:
            found = self.done.get(refines.text)
            if found is None or refines.text in self.broken:
                self.broken.add(scope.name)
            return found or self.top
        if refines.text not in self.parents:
            self.parents[refines.text] = None
            with self.problems.collecting():
                self.parents[refines.text] = self.from_include(refines)
        parent = self.parents[refines.text]
        if parent is None:
            self.broken.add(scope.name)
        return parent or self.top

    def from_include(self, refines: Word) -> Resolved | None:
        """The included tier under the top level of this file; ``None`` where the file is broken.

        Raises :class:`Problem` E107.
        """
        alias, _, tier = refines.text.partition(".")
        if alias not in self.included:
            hint = did_you_mean(alias, self.included, f'write `include "FILE" as {alias}`')
            raise Problem("E107", f"nothing is included as `{alias}`", hint, refines.span)
        file = self.included[alias]
        if file is None:
            return None
        if tier not in file.tiers:
            hint = did_you_mean(tier, file.tiers, "name a tier of that file")
            raise Problem("E107", f"`{file.path}` has no tier `{tier}`", hint, refines.span)
        theirs = file.bars[tier]
        return Resolved(self.settings(theirs, refines), self.gates(theirs))

    def settings(self, theirs: Resolved, refines: Word) -> dict[str, PlacedSetting]:
        """The settings of both files, which must not differ: what theirs leaves unsaid, it means
        by default."""
        settings = dict(theirs.settings)
        for key, own in self.top.settings.items():
            other = theirs.settings.get(key)
            value = SETTINGS[key].default if other is None else other.value
            if own.value != value:
                there = "by default" if other is None else f"on {other.span.words}"
                message = f"`{key}` is {value} in `{refines.text}` ({there})"
                hint = "set it once, or in a profile"
                second = refines.span if other is None else other.span
                self.problems.add("E114", message, hint, own.span, second)
            settings[key] = own
        return settings

    def gates(self, theirs: Resolved) -> dict[str, PlacedGate]:
        gates = dict(theirs.gates)
        for key, own in self.top.gates.items():
            with self.problems.collecting():
                gates[key] = both(key, own, gates[key], self.budget) if key in gates else own
        return gates

    def inherit(self, parent: Resolved, child: Scope) -> Resolved:
        settings = dict(parent.settings)
        for key, placed in child.settings.items():
            earlier = settings.get(key)
            if earlier is not None and earlier.value != placed.value:
                message = f"`{key}` is {earlier.value} on {earlier.span.words}"
                hint = "set it once, or in a profile"
                self.problems.add("E114", message, hint, placed.span, earlier.span)
            elif earlier is None and child.refines is not None:
                self.check_default(key, placed, child.refines.text)
            settings[key] = placed
        gates = dict(parent.gates)
        for key, gate in child.gates.items():
            with self.problems.collecting():
                if key in gates:
                    check_refinement(key, gate, gates[key], self.budget)
                    self.check_repeated(key, gate, gates[key])
                gates[key] = gate
        return Resolved(settings, gates)

    def check_repeated(self, key: str, child: PlacedGate, parent: PlacedGate) -> None:
        if repeats(child, parent):
            message = f"`{key}` is the same on {parent.span.words}, which it refines"
            hint = "remove it, or tighten it"
            self.problems.warn("E119", message, hint, child.span, parent.span)

    def check_default(self, key: str, placed: PlacedSetting, parent: str) -> None:
        """What the refined tier leaves unsaid it means all the same: the default."""
        default = SETTINGS[key].default
        if placed.value != default:
            message = f"`{key}` is {default} by default in `{parent}`, which this tier refines"
            self.problems.add("E114", message, "set it once, or in a profile", placed.span)


def _combine(tier: Resolved, profile: Scope, combined: _Combined, problems: Problems) -> Resolved:
    """The bar of ``tier`` under ``profile``; what pairs of gates come to goes to ``combined``."""
    gates = dict(tier.gates)
    for key, placed in profile.gates.items():
        pair = (id(gates.get(key)), id(placed))
        if key in gates and pair not in combined.gates:
            combined.gates[pair] = placed
            with problems.collecting():
                combined.gates[pair] = both(key, placed, gates[key], combined.budget)
        gates[key] = combined.gates.get(pair, placed)
    return Resolved({**tier.settings, **profile.settings}, gates)


def _warn_idle(
    checked: Checked, profile: Scope, bars: Mapping[str, Resolved], problems: Problems
) -> None:
    """Warn of gates of a profile that change no tier: each has the same already, or stricter."""
    for key, placed in profile.gates.items():
        kept = [
            bars[tier].gates[key]
            for tier in checked.tiers
            if bars[f"{tier}+{profile.name}"].gates[key] is bars[tier].gates.get(key)
        ]
        if kept and len(kept) == len(checked.tiers):
            message = f"`{key}` tightens no tier: it is as strict on {kept[0].span.words}"
            hint = "remove it, or tighten it"
            problems.warn("E119", message, hint, placed.span, kept[0].span)


def _warn_overrides(
    checked: Checked, profile: Scope, bare: list[Resolved], problems: Problems
) -> None:
    for key, placed in profile.settings.items():
        default = SETTINGS[key].default
        earlier = {bar.settings[key].value if key in bar.settings else default for bar in bare}
        if earlier - {placed.value}:
            message = f"`{key}` makes the bars of profile `{profile.name}` incomparable with the"
            hint = "leave settings to the top level, if bars are to be compared"
            problems.warn("E116", f"{message} bare tiers'", hint, placed.span)
