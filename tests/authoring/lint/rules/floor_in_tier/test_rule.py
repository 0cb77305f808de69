"""Floors belong to profiles, where there are any."""

from __future__ import annotations

from tests.authoring.lint.support import found, marked

RULE = "floor-in-tier"
TIER = "tier t { require kl.mean <= 1 nats; require estimate.resamples >= 2_000 }\n"
PROFILE = "profile p { require windows.final >= 9 }\n"


def test_without_profiles_a_tier_is_the_only_place() -> None:
    assert not found(RULE, TIER)
    assert marked(RULE, TIER + PROFILE) == ["estimate.resamples"]


def test_at_the_top_level_it_holds_for_all() -> None:
    top = "require windows.final >= 9\n"
    assert not found(RULE, top + "tier t { require kl.mean <= 1 nats }\n" + PROFILE)
