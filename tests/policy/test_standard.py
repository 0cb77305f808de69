"""The standard policy: valid, ordered, and with the evidence that its profiles promise."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from invarlock.policy import Compiled, load_policy
from invarlock.policy.catalogue import MEASURES
from invarlock.policy.intervals import at_least_as_strict
from invarlock.policy.ir import Interval
from tests.conftest import ROOT

TIERS = ("aggressive", "balanced", "conservative")
PROFILES = ("ci", "dev", "release")


@pytest.fixture(scope="module")
def standard() -> Compiled:
    return load_policy(ROOT / "policies" / "causal_lm.invar")


def floor(policy: Compiled, bar: str, measure: str) -> Decimal:
    gate = policy.ir.bars[bar].gate(measure)
    assert gate is not None
    assert gate.level == "require"
    assert isinstance(gate.relation, Interval)
    assert gate.relation.low is not None
    return Decimal(gate.relation.low)


def test_bars_and_warnings(standard: Compiled) -> None:
    assert (standard.tiers, standard.profiles) == (TIERS, PROFILES)
    assert len(standard.ir.bars) == 12
    assert [found.code for found in standard.warnings] == ["E117"]


def test_each_tier_is_stricter_than_the_one_before(standard: Compiled) -> None:
    for wide, narrow in pairwise(TIERS):
        outer, inner = standard.ir.bars[wide], standard.ir.bars[narrow]
        assert {gate.id for gate in outer.gates} == {gate.id for gate in inner.gates}
        pairs = list(zip(inner.gates, outer.gates, strict=True))
        for child, parent in pairs:
            assert at_least_as_strict(child.relation, parent.relation, MEASURES[child.measure])
        assert any(child != parent for child, parent in pairs)


def test_the_ratio_of_balanced_is_the_one_promised(standard: Compiled) -> None:
    gate = standard.ir.bars["balanced"].gate("perplexity.ratio")
    assert gate is not None
    assert gate.relation == Interval(high="1.1")


def test_tiers_set_no_floor_and_pin_nothing(standard: Compiled) -> None:
    for tier in TIERS:
        measures = {gate.measure for gate in standard.ir.bars[tier].gates}
        assert not measures & {"windows.preview", "windows.final", "windows.tokens"}
        assert not measures & {"data.digest", "baseline.digest"}
        assert not any(gate.target for gate in standard.ir.bars[tier].gates)


@pytest.mark.parametrize("tier", TIERS)
def test_floors_of_the_profiles(standard: Compiled, tier: str) -> None:
    assert floor(standard, f"{tier}+dev", "windows.preview") == 64
    assert floor(standard, f"{tier}+dev", "windows.final") == 64
    assert standard.ir.bars[tier].settings["windows.length"] == "128"
    for profile, windows, resamples in (("ci", 240, 1500), ("release", 400, 3200)):
        bar = f"{tier}+{profile}"
        assert floor(standard, bar, "windows.preview") >= windows
        assert floor(standard, bar, "windows.final") >= windows
        assert floor(standard, bar, "windows.tokens") >= 50_000
        assert floor(standard, bar, "estimate.resamples") >= resamples
