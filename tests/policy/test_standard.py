"""The standard policies: valid, ordered, and with the evidence that their profiles promise."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from invarlock.policy import Compiled, load_policy
from invarlock.policy.catalogue import MEASURES, TASKS
from invarlock.policy.intervals import at_least_as_strict
from invarlock.policy.ir import Interval, Member
from tests.conftest import ROOT

TIERS = ("aggressive", "balanced", "conservative")
PROFILES = ("ci", "dev", "release")


@pytest.fixture(scope="module")
def standard() -> Compiled:
    return load_policy(ROOT / "policies" / "causal_lm.invar")


OTHERS = sorted(
    path.stem
    for path in (ROOT / "policies").glob("*.invar")
    if path.stem not in {"causal_lm", "imported"}
)


@pytest.fixture(scope="module")
def others() -> dict[str, Compiled]:
    return {name: load_policy(ROOT / "policies" / f"{name}.invar") for name in OTHERS}


def test_every_task_has_a_standard_policy(standard: Compiled, others: dict[str, Compiled]) -> None:
    assert {policy.ir.task for policy in (standard, *others.values())} == set(TASKS)
    chats = [name for name, policy in others.items() if policy.ir.task == "causal_lm"]
    assert chats == ["causal_chat"]
    for bar in others["causal_chat"].ir.bars.values():
        assert bar.settings["windows.content"] == "chat"


@pytest.mark.parametrize("name", OTHERS)
def test_other_tasks_have_the_same_tiers_each_stricter_than_the_one_before(
    others: dict[str, Compiled], name: str
) -> None:
    policy = others[name]
    assert (policy.name, policy.tiers, policy.profiles) == (name, TIERS, PROFILES)
    assert [found.code for found in policy.warnings] == ["E117"]
    for wide, narrow in pairwise(TIERS):
        outer, inner = policy.ir.bars[wide], policy.ir.bars[narrow]
        pairs = list(zip(inner.gates, outer.gates, strict=True))
        for child, parent in pairs:
            assert child.id == parent.id
            assert at_least_as_strict(child.relation, parent.relation, MEASURES[child.measure])
        assert any(child != parent for child, parent in pairs)
    common = {gate.id for gate in policy.ir.bars["aggressive"].gates if gate.level == "require"}
    assert common >= {"rows.turned", "invariants.non_finite", "runtime.isolation", "windows.match"}


def test_measured_evidence_alone_clears_a_standard_bar(
    standard: Compiled, others: dict[str, Compiled]
) -> None:
    for policy in (standard, *others.values()):
        for bar in policy.ir.bars.values():
            gate = bar.gate("evidence.origin")
            assert gate is not None
            assert gate.level == "require"
            assert gate.relation == Member(values=("measured",))
    example = load_policy(ROOT / "policies" / "imported.invar")
    unseen = {"evidence.origin", "tokenizer.same", "runtime.isolation", "kl.mean"}
    for bar in example.ir.bars.values():
        assert not unseen & {gate.measure for gate in bar.gates}


@pytest.mark.parametrize("name", ["classification", "imported", "multiple_choice"])
def test_no_flip_in_the_fewest_items_leaves_less_open_than_the_bar_allows(name: str) -> None:
    """Answers that never flip have no spread: what n of them leave open at 97.5% is 1 - 0.025**1/n,
    and under no bar must it be more than what passes, of answers and, where half of the baseline's
    are right, of those."""
    bars = load_policy(ROOT / "policies" / f"{name}.invar")
    assert bars.ir.bars
    for bar in bars.ir.bars:
        items = int(floor(bars, bar, "windows.final"))
        left = 100 * (1 - 0.025 ** (1 / items))
        assert left < -float(floor(bars, bar, "accuracy.delta"))
        assert 2 * left < 100 * (1 - float(floor(bars, bar, "accuracy.recovery")))


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
    assert floor(standard, f"{tier}+dev", "windows.final") == 160
    assert standard.ir.bars[tier].settings["windows.length"] == "128"
    for profile, windows, resamples in (("ci", 240, 1500), ("release", 400, 3200)):
        bar = f"{tier}+{profile}"
        assert floor(standard, bar, "windows.preview") >= windows
        assert floor(standard, bar, "windows.final") >= windows
        assert floor(standard, bar, "windows.tokens") >= 50_000
        assert floor(standard, bar, "estimate.resamples") >= resamples
