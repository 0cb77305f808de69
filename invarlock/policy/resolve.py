"""Checked policy → bars: inheritance along ``refines``, and profiles combined to the stricter.

Chain: top level → refined tier → tier. In a child the same key replaces, and must be at least as
strict; other keys add. A profile tightens: the relations of both are intersected, and a gate is
required if either requires it (DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from invarlock.errors import Inconclusive
from invarlock.policy.catalogue import MEASURES, SETTINGS, Kind
from invarlock.policy.checked import Case, Checked, PlacedGate, PlacedSetting, Scope
from invarlock.policy.intervals import at_least_as_strict, describe, intersect, is_empty, reach
from invarlock.policy.ir import Gate, Interval
from invarlock.policy.names import did_you_mean
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.span import Span


@dataclass(frozen=True, slots=True)
class Resolved:
    """One bar: the settings that the source sets, and all gates, with their places."""

    settings: Mapping[str, PlacedSetting]
    gates: Mapping[str, PlacedGate]


_Combined = dict[tuple[int, int], PlacedGate]


def resolve(checked: Checked, problems: Problems) -> dict[str, Resolved]:
    """Every bar of the policy by its name: ``tier``, and ``tier+profile`` for each pair.

    Errors (E105 to E109, E111, E114) and warnings go to ``problems``; usable only without errors.
    """
    resolver = _Resolver(checked, problems)
    combined: _Combined = {}
    bars: dict[str, Resolved] = {}
    for name, tier in checked.tiers.items():
        bare = resolver.tier(name)
        bars[name] = bare
        if not any(placed.gate.level == "require" for placed in bare.gates.values()):
            message = f"the tier `{name}` requires nothing, so it could never pass"
            problems.add("E111", message, "add a `require`", tier.span)
        for profile in checked.profiles.values():
            bars[f"{name}+{profile.name}"] = _combine(bare, profile, combined, problems)
    for profile in checked.profiles.values():
        _warn_overrides(checked, profile, [bars[name] for name in checked.tiers], problems)
    for case in checked.cases:
        with problems.collecting():
            _check_case(case, checked, bars)
    return bars


class _Resolver:
    def __init__(self, checked: Checked, problems: Problems) -> None:
        self.checked, self.problems = checked, problems
        self.done: dict[str, Resolved] = {}
        self.top = Resolved(checked.top.settings, checked.top.gates)

    def tier(self, name: str) -> Resolved:
        """The tier ``name`` with all that it refines; each is resolved once."""
        for link in reversed(self.chain(name)):
            if link not in self.done:
                scope = self.checked.tiers[link]
                parent = self.top if scope.refines is None else self.done.get(scope.refines.text)
                self.done[link] = self.inherit(parent or self.top, scope)
        return self.done[name]

    def chain(self, name: str) -> list[str]:
        """``name``, what it refines, and so on, up to a tier that is done or refines nothing."""
        chain = [name]
        while chain[-1] not in self.done:
            refines = self.checked.tiers[chain[-1]].refines
            if refines is None:
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

    def inherit(self, parent: Resolved, child: Scope) -> Resolved:
        settings = dict(parent.settings)
        for key, placed in child.settings.items():
            earlier = settings.get(key)
            if earlier is not None and earlier.value != placed.value:
                message = f"`{key}` is {earlier.value} on line {earlier.span.line}"
                hint = "set it once, or in a profile"
                self.problems.add("E114", message, hint, placed.span, earlier.span)
            elif earlier is None and child.refines is not None:
                self.check_default(key, placed, child.refines.text)
            settings[key] = placed
        gates = dict(parent.gates)
        for key, gate in child.gates.items():
            with self.problems.collecting():
                if key in gates:
                    _check_refinement(key, gate, gates[key])
                gates[key] = gate
        return Resolved(settings, gates)

    def check_default(self, key: str, placed: PlacedSetting, parent: str) -> None:
        """What the refined tier leaves unsaid it means all the same: the default."""
        default = SETTINGS[key].default
        if placed.value != default:
            message = f"`{key}` is {default} by default in `{parent}`, which this tier refines"
            self.problems.add("E114", message, "set it once, or in a profile", placed.span)


def _check_refinement(key: str, child: PlacedGate, parent: PlacedGate) -> None:
    new, old = child.gate, parent.gate
    line = parent.span.line
    if old.level == "require" and new.level == "warn":
        message = f"`{key}` is required on line {line}, and only warned of here"
        raise Problem("E106", message, "write `require`", child.span, parent.span)
    with _answered(child.span, parent.span):
        stricter = at_least_as_strict(new.relation, old.relation, MEASURES[new.measure])
    if not stricter:
        message = (
            f"`{key} {describe(new.relation)}` accepts more than "
            f"`{describe(old.relation)}` on line {line}, which it refines"
        )
        raise Problem("E106", message, "tighten it, or drop it", child.span, parent.span)


def _combine(tier: Resolved, profile: Scope, combined: _Combined, problems: Problems) -> Resolved:
    """The bar of ``tier`` under ``profile``. Tiers share inherited gates, so that what a pair of
    gates comes to is kept in ``combined`` and worked out once."""
    gates = dict(tier.gates)
    for key, placed in profile.gates.items():
        pair = (id(gates.get(key)), id(placed))
        if key in gates and pair not in combined:
            combined[pair] = placed
            with problems.collecting():
                combined[pair] = _stricter(key, placed, gates[key])
        gates[key] = combined.get(pair, placed)
    return Resolved({**tier.settings, **profile.settings}, gates)


def _stricter(key: str, profile: PlacedGate, tier: PlacedGate) -> PlacedGate:
    """The intersection of two gates, placed where the one that decides it is written."""
    measure = MEASURES[tier.gate.measure]
    with _answered(profile.span, tier.span):
        relation = intersect(tier.gate.relation, profile.gate.relation)
    if relation is None and measure.kind is Kind.SIGNER:
        message = f"neither these signers of `{key}` nor those on line {tier.span.line} include"
        hint = "let the profile name some of the tier's signers"
        raise Problem("E128", f"{message} the others", hint, profile.span, tier.span)
    dead = relation is None
    if isinstance(relation, Interval):
        dead = is_empty(reach(relation, measure))
    if relation is None or dead:
        message = (
            f"`{key} {describe(profile.gate.relation)}` leaves nothing of "
            f"`{describe(tier.gate.relation)}` on line {tier.span.line}"
        )
        raise Problem("E108", message, "widen one of the two", profile.span, tier.span)
    required = "require" in {tier.gate.level, profile.gate.level}
    gate = Gate(
        measure=tier.gate.measure,
        statistic=tier.gate.statistic,
        target=tier.gate.target,
        level="require" if required else "warn",
        relation=relation,
    )
    return tier if gate == tier.gate else PlacedGate(gate, profile.span)


@contextmanager
def _answered(span: Span, other: Span) -> Iterator[None]:
    """Globs that cannot be compared in bounded time are an error where they stand."""
    try:
        yield
    except Inconclusive as err:
        raise Problem(err.code, err.message, err.hint, span, other) from err


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


def _check_case(case: Case, checked: Checked, bars: Mapping[str, Resolved]) -> None:
    if case.tier is None:
        if len(checked.tiers) != 1:
            raise Problem("E111", "a test without `tier`", "add `tier = NAME`", case.span)
        name = next(iter(checked.tiers))
    else:
        name = case.tier.text
        if name not in checked.tiers:
            hint = did_you_mean(name, checked.tiers, "name a tier of this file")
            raise Problem("E107", f"unknown tier `{name}`", hint, case.tier.span)
    if case.profile is not None:
        profile = case.profile.text
        if profile not in checked.profiles:
            hint = did_you_mean(profile, checked.profiles, "name a profile of this file")
            raise Problem("E107", f"unknown profile `{profile}`", hint, case.profile.span)
        name = f"{name}+{profile}"
    for key, span in case.mentions:
        if key not in bars[name].gates:
            hint = did_you_mean(key, bars[name].gates, "name a gate of that bar")
            raise Problem("E102", f"the bar `{name}` has no gate `{key}`", hint, span)
