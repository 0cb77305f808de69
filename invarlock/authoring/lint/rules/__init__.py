"""All rules, warnings first. Each stands in a folder of its own, beside its page."""

from __future__ import annotations

from typing import Final

from invarlock.authoring.lint.finding import Rule
from invarlock.authoring.lint.rules import (
    allow_without_reason,
    bound_without_reason,
    boundary_open,
    default_relied_on,
    digit_groups,
    floor_in_tier,
    harm_only_warned,
    mixed_percent,
    no_about,
    point_alone,
    redundant,
    signer_any_ref,
    unit_words,
    unlikely_bound,
    untested,
    unused_allow,
)

RULES: Final[tuple[Rule, ...]] = (
    point_alone.RULE,
    harm_only_warned.RULE,
    boundary_open.RULE,
    signer_any_ref.RULE,
    redundant.RULE,
    unlikely_bound.RULE,
    untested.RULE,
    allow_without_reason.RULE,
    unused_allow.RULE,
    no_about.RULE,
    bound_without_reason.RULE,
    floor_in_tier.RULE,
    default_relied_on.RULE,
    mixed_percent.RULE,
    digit_groups.RULE,
    unit_words.RULE,
)
