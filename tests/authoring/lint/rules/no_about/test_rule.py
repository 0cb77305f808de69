"""`about` must say something."""

from __future__ import annotations

from tests.authoring.lint.support import found, marked

RULE = "no-about"
TIER = "tier t { require perplexity.ratio <= 1.1 }\n"


def test_the_name_of_the_policy_is_marked() -> None:
    assert marked(RULE, TIER) == ["sample"]
    assert not found(RULE, 'about = "what for"\n' + TIER)


def test_a_blank_text_says_nothing() -> None:
    assert marked(RULE, 'about = " "\n' + TIER) == ['" "']
