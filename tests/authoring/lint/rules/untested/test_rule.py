"""Tiers and profiles are tested when a test names them."""

from __future__ import annotations

from tests.authoring.lint.support import found, marked

RULE = "untested"
TIER = "tier t { require perplexity.ratio <= 1.1 }\n"
TEST = 'test "x" {{ {}; given perplexity.ratio = 1.2; expect fail because perplexity.ratio }}\n'


def test_a_test_without_a_tier_is_of_the_only_one() -> None:
    unnamed = TEST.replace("{}; ", "").format()
    assert not found(RULE, TIER + unnamed)
    assert marked(RULE, TIER) == ["t"]


def test_profiles_are_tested_by_name() -> None:
    profile = "profile p { require windows.final >= 9 }\n"
    assert marked(RULE, TIER + profile + TEST.format("tier = t")) == ["p"]
    assert not found(RULE, TIER + profile + TEST.format("tier = t; profile = p"))


def test_each_tier_by_its_own_test() -> None:
    assert marked(RULE, TIER + TIER.replace(" t ", " u ") + TEST.format("tier = t")) == ["u"]
