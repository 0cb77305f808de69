"""Checks that the bar of a policy test exists, and has the gates that the test names."""

from __future__ import annotations

from collections.abc import Mapping, Set

from invarlock.policy.checked import Case, Checked
from invarlock.policy.names import did_you_mean
from invarlock.policy.problems import Problem


def check_case_bar(
    case: Case, checked: Checked, gates: Mapping[str, Set[str]], broken: Set[str]
) -> None:
    """Check ``case`` against the ``gates`` of each bar. Of the tiers in ``broken``, whose error is
    reported, nothing is known.

    Raises :class:`Problem` E102, E107 or E111.
    """
    if case.tier is None:
        if len(checked.tiers) != 1:
            raise Problem("E111", "a test without `tier`", "add `tier = NAME`", case.span)
        tier = next(iter(checked.tiers))
    else:
        tier = case.tier.text
        if tier not in checked.tiers:
            hint = did_you_mean(tier, checked.tiers, "name a tier of this file")
            raise Problem("E107", f"unknown tier `{tier}`", hint, case.tier.span)
    name = tier
    if case.profile is not None:
        profile = case.profile.text
        if profile not in checked.profiles:
            hint = did_you_mean(profile, checked.profiles, "name a profile of this file")
            raise Problem("E107", f"unknown profile `{profile}`", hint, case.profile.span)
        name = f"{tier}+{profile}"
    if tier in broken:
        return
    for key, span in case.mentions:
        if key not in gates[name]:
            hint = did_you_mean(key, gates[name], "name a gate of that bar")
            raise Problem("E102", f"the bar `{name}` has no gate `{key}`", hint, span)
