"""Inheritance, profiles, settings, policy tests: what a bar holds in the end."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.errors import UsageFault
from invarlock.policy import describe_relation
from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.ir import BarIR, Interval
from tests.policy.support import HEAD, compiled, errors, policy


def relations(bar: BarIR) -> dict[str, str]:
    return {gate.id: f"{gate.level} {describe_relation(gate)}" for gate in bar.gates}


def test_the_chain_is_top_level_then_refined_tier_then_tier() -> None:
    found = compiled(
        policy(
            "require kl.mean <= 3\nrequire kl.p99 <= 3\nrequire delta_p.rms <= 3 pp",
            "require kl.mean <= 2\n  require kl.p99 <= 2",
            "tier u refines t { require kl.mean <= 1; warn top1.agreement >= 90% }\n"
            "tier v refines u { require top1.agreement >= 95% }",
        )
    )
    assert relations(found.ir.bars["u"]) == {
        "delta_p.rms": "require <= 3",
        "kl.mean": "require <= 1",
        "kl.p99": "require <= 2",
        "top1.agreement": "warn >= 0.9",
    }
    assert relations(found.ir.bars["v"])["top1.agreement"] == "require >= 0.95"
    assert found.spans["u"]["kl.p99"].line == 9
    assert found.spans["u"]["delta_p.rms"].line == 6


def test_a_tier_may_stand_before_the_one_it_refines() -> None:
    text = HEAD + "tier a refines b { require kl.mean <= 1 }\ntier b { require kl.mean <= 2 }"
    assert relations(compiled(text).ir.bars["a"]) == {"kl.mean": "require <= 1"}
    swapped = text.replace("<= 1", "<= 3")
    assert [d.code for d in errors(swapped)] == ["E106"]


def test_a_profile_and_a_tier_combine_to_the_stricter() -> None:
    found = compiled(
        policy(
            "",
            "require perplexity.drift in [0.9, 1.1)\n  warn kl.mean <= 1\n"
            "  require kl.p99 <= 1\n  require runtime.isolation in {host, sandbox}",
            "profile p { require perplexity.drift in (0.95, 1.2]; require kl.mean <= 2\n"
            "warn kl.p99 <= 2; require runtime.isolation == sandbox; warn delta_p.rms <= 1 pp }",
        )
    )
    assert relations(found.ir.bars["t+p"]) == {
        "delta_p.rms": "warn <= 1",
        "kl.mean": "require <= 1",
        "kl.p99": "require <= 1",
        "perplexity.drift": "require in (0.95, 1.1)",
        "runtime.isolation": "require in {sandbox}",
    }
    assert found.spans["t+p"]["kl.p99"] == found.spans["t"]["kl.p99"]
    assert found.spans["t+p"]["kl.mean"].line == 11


NUMBERS = [Decimal(n) / 10 for n in range(1, 10)]


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_refinement_accepts_exactly_the_subsets(parent: Decimal, child: Decimal) -> None:
    text = policy(
        "", f"require kl.mean <= {parent}", f"tier u refines t {{ require kl.mean <= {child} }}"
    )
    codes = [d.code for d in errors(text)]
    assert codes == ([] if child <= parent else ["E106"])


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_a_value_passes_tier_under_profile_when_it_passes_both(
    low: Decimal, high: Decimal, value: Decimal
) -> None:
    text = policy("", f"require kl.mean >= {low}", f"profile p {{ require kl.mean <= {high} }}")
    if low > high:
        assert [d.code for d in errors(text)] == ["E108"]
        return
    gate = compiled(text).ir.bars["t+p"].gates[0]
    assert isinstance(gate.relation, Interval)
    assert gate.relation.contains(value) == (low <= value <= high)


def test_settings_are_complete_and_normalised() -> None:
    bar = compiled(policy("estimate.confidence = 99%\nwindows.length = 1_024")).ir.bars["t"]
    assert set(bar.settings) == set(SETTINGS)
    assert bar.settings["estimate.confidence"] == "0.99"
    assert bar.settings["windows.length"] == "1024"
    assert bar.settings["estimate.seed"] == SETTINGS["estimate.seed"].default


def test_a_profiles_setting_replaces_and_is_warned_of_once() -> None:
    found = compiled(
        policy(
            "windows.length = 128",
            rest="tier u { require kl.mean <= 1 }\nprofile p { windows { length = 64 } }\n"
            "profile q { windows.length = 128 tokens }",
        )
    )
    assert found.ir.bars["t+p"].settings["windows.length"] == "64"
    assert found.ir.bars["t"].settings["windows.length"] == "128"
    warnings = [d for d in found.warnings if d.code == "E116"]
    assert [(d.severity, d.span.line) for d in warnings] == [("warning", 9)]


def test_pins_and_floors_are_advised() -> None:
    codes = [d.code for d in compiled(policy()).warnings]
    assert codes == ["E004", "E117"]
    digest = "sha256:" + "0" * 64
    pinned = policy(
        rest=f"profile p {{ require data.digest == {digest}; require baseline.digest == {digest}\n"
        "require windows.final >= 8 }"
    )
    assert compiled(pinned).warnings == ()
    half = pinned.replace("require baseline.digest", "warn baseline.digest")
    (found,) = compiled(half).warnings
    assert found.message == "no bar pins `baseline.digest`: any would do"


FLOORS = """
tier a { require perplexity.drift <= 1.05 }
tier b refines a { require kl.mean <= 1; require windows.final >= 9 }
profile p { require windows.tokens >= 1_000 }
profile q { require windows.preview >= 8 }
"""


def test_each_bar_that_cannot_be_run_is_named_with_both_places() -> None:
    found = [d for d in compiled(HEAD + FLOORS).warnings if d.code == "E004"]
    assert [(d.span.line, d.other and d.other.line) for d in found] == [(7, 5), (8, 5)]
    drift, final = (d.message for d in found)
    assert drift.startswith("`a+p` and `b+p` cannot be run: `perplexity.drift <= 1.05` on line 5 ")
    assert final == "`a+q` cannot be run: no floor under `windows.final`"
    mended = FLOORS.replace("1_000", "1_000; require windows.preview >= 8")
    mended = mended.replace(">= 8 }", ">= 8; require windows.final >= 8 }")
    assert "E004" not in {d.code for d in compiled(HEAD + mended).warnings}


def test_without_profiles_each_tier_has_its_own_floors() -> None:
    tiers = FLOORS.split("profile", maxsplit=1)[0]
    found = [d for d in compiled(HEAD + tiers).warnings if d.code == "E004"]
    assert [(d.span.line, d.other and d.other.line) for d in found] == [(5, None), (6, 5)]
    top = "require windows.final >= 8\nrequire windows.preview >= 8\n"
    assert "E004" not in {d.code for d in compiled(HEAD + top + tiers).warnings}


def test_a_floor_on_a_slice_draws_no_schedule() -> None:
    message = "no bar sets a window floor, so none can be run"
    for relation, said in ((' on "a" >= 17', True), (" <= 17", True), (" >= 16", False)):
        warnings = compiled(policy(f"require windows.final{relation}")).warnings
        assert (message in {d.message for d in warnings}) == said


@pytest.mark.parametrize(
    ("harmless", "side", "bounded"),
    [
        ("perplexity.ratio >= 1", "above", "perplexity.ratio in [1, 1.1]"),
        ("perplexity.tail.p95 > 0", "above", "perplexity.tail.p95 < 0.1"),
        ("kl.mean.point >= 0.1", "above", "kl.mean.point == 0.1"),
        ("invariants.non_finite >= 1", "above", "invariants.non_finite == 0"),
        ("windows.overlap == 100%", "above", "windows.overlap == 0%"),
        ("delta_p.rms in [1 pp, 100 pp]", "above", "delta_p.rms in [1 pp, 100 pp)"),
        ("top1.agreement <= 90%", "below", "top1.agreement >= 90%"),
        ("delta_p.mean in [-100 pp, 1 pp]", "below", "delta_p.mean in (-100 pp, 1 pp]"),
    ],
)
def test_a_gate_that_leaves_the_harmful_side_open_is_warned_of(
    harmless: str, side: str, bounded: str
) -> None:
    for level in ("require", "warn"):
        top = f"{level} {harmless}\n{level} kl.p99 <= 1"
        tier = "require tokenizer.same == yes"
        found = [d for d in compiled(policy(top, tier)).warnings if d.code == "E118"]
        assert [(d.severity, d.span.line, d.span.column) for d in found] == [("warning", 4, 1)]
        assert f"sets no bound {side}, " in found[0].message
        assert ("`<= …`" in found[0].hint) == (side == "above")
        good = compiled(policy(f"{level} {bounded}", tier)).warnings
        assert "E118" not in {d.code for d in good}


def test_measures_without_a_harmful_side_are_not_warned_of() -> None:
    top = "require perplexity.drift >= 0.9\nrequire windows.final >= 8\n"
    top += "require windows.tokens < 9_000"
    assert "E118" not in {d.code for d in compiled(policy(top)).warnings}


def test_a_profile_may_add_the_bound_that_a_tier_left_out() -> None:
    tier, profile = "require kl.mean >= 0.1", "profile p { require kl.mean <= 1 }"
    bare = [d.span.line for d in compiled(policy("", tier, profile)).warnings if d.code == "E118"]
    assert bare == [6]
    found = compiled(policy("", "require kl.mean <= 1", "profile p { require kl.mean >= 0.1 }"))
    assert "E118" not in {d.code for d in found.warnings}


def test_equality_and_each_family() -> None:
    bar = compiled(
        policy(
            "require invariants.structure == 0\n"
            "require spectral.shift on each family <= 1\nrequire spectral.shift on attn <= 0.5"
        )
    ).ir.bars["t"]
    equal = bar.gate("invariants.structure")
    each = bar.gate("spectral.shift on each family")
    assert equal is not None
    assert each is not None
    assert equal.relation == Interval(high="0")
    assert describe_relation(equal) == "== 0"
    assert each.target is not None
    assert (each.target.kind, each.target.name) == ("each", "family")
    assert bar.gate("spectral.shift on attn") is not None


TEST = 'test "x" {\n  %s\n}'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("tier = u\n  expect pass", "E107"),
        ("tier = t; profile = q\n  expect pass", "E107"),
        ("tier = t\n  given kl.p99 = 1\n  expect pass", "E102"),
        ("tier = t\n  given kl.mean = 1 in [2, 1]\n  expect pass", "E108"),
        ("tier = t\n  given kl.mean = 5 pp\n  expect pass", "E103"),
        ("tier = t\n  given kl.mean = 1\n given kl.mean = 2\n  expect pass", "E105"),
        ("tier = t\n  expect passed", "E102"),
        ("tier = t\n  expect fail because kl.p99", "E102"),
        ("tier = t\n  expect pass\n  expect fail", "E105"),
        ("tier = t", "E111"),
        ("tire = t\n  expect pass", "E102"),
        ("tier = t\n  require kl.mean <= 1\n  expect pass", "E101"),
    ],
)
def test_policy_tests_are_checked(body: str, code: str) -> None:
    gates = "require kl.mean <= 1"
    rest = "profile p { warn kl.mean <= 1 }\n"
    assert [d.code for d in errors(policy("", gates, rest + TEST % body))] == [code]
    good = "tier = t; profile = p\n  given kl.mean = 1 in [0.5, 2]\n  expect fail because kl.mean"
    assert errors(policy("", gates, rest + TEST % good)) == []


def test_a_bar_is_chosen_by_name() -> None:
    one = compiled(policy(rest="profile p {}"))
    assert one.bar(None, None)[0] == "t"
    assert one.bar(None, "p")[0] == "t+p"
    assert one.bar("t", "p")[1] == one.ir.bars["t+p"]
    two = compiled(policy(rest="tier u { require kl.mean <= 1 }"))
    assert two.bar("u", None)[0] == "u"
    for chosen, tier, profile in ((two, None, None), (one, "tt", None), (one, "t", "q")):
        with pytest.raises(UsageFault) as caught:
            chosen.bar(tier, profile)
        assert caught.value.code == "E107"
        assert caught.value.hint
