"""What compare says of bars as people write them: one rule of the comparison at a time."""

from __future__ import annotations

import pytest

from invarlock.errors import UsageFault
from invarlock.judge.decide import decide
from invarlock.policy.compare import (
    BarComparison,
    Strictness,
    compare_bars,
    compare_policies,
    counterexample,
    passing,
)
from invarlock.policy.compare.document import parse_ir
from invarlock.policy.ir import BarIR, Gate, Interval, Member, PolicyIR, Target
from tests.policy.compare.brute import SETTING_DEFAULTS, values_of
from tests.policy.support import compiled, policy


def bar_of(*statements: str, top: str = "") -> BarIR:
    """The bar of a policy with these statements in its one tier."""
    return compiled(policy(top, "\n  ".join(statements))).ir.bars["t"]


def compare(old: str, new: str) -> BarComparison:
    """Compare two bars of one statement or more, each after one that both share."""
    shared = "require invariants.structure == 0"
    return compare_bars(bar_of(shared, *old.split("; ")), bar_of(shared, *new.split("; ")))


CASES = [
    ("require kl.mean <= 0.1", "require kl.mean <= 0.1", "equal"),
    ("require kl.mean <= 0.1", "require kl.mean < 0.1", "stricter"),
    ("require kl.mean <= 0.1", "require kl.mean <= 0.2", "weaker"),
    ("require kl.mean <= 0.1", "warn kl.mean <= 0.1", "weaker"),
    ("warn kl.mean <= 0.1", "warn kl.mean <= 0.2", "equal"),
    ("require kl.mean <= 0.1", "require kl.mean.point <= 0.1", "mixed"),
    ("require kl.mean <= 0.1", 'require kl.mean on "code" <= 0.1', "mixed"),
    ("require perplexity.drift in [0.9, 1.1]", "require perplexity.drift in [0.95, 1.2]", "mixed"),
    ("require perplexity.ratio <= 105%", "require perplexity.ratio <= 1.05", "equal"),
    ("require windows.final >= 10", "require windows.final > 9", "equal"),
    ("require windows.final >= 10", "require windows.final >= 20", "stricter"),
    ("require estimate.resamples >= 2_000", "require estimate.resamples >= 1_200", "weaker"),
    ("require top1.agreement >= 97%", "require top1.agreement in [97%, 100%]", "equal"),
    ("require runtime.isolation in {sandbox}", "require runtime.isolation in {host}", "mixed"),
    ("require runtime.network == off", "require runtime.network in {off, on}", "weaker"),
    ("require spectral.shift on attn <= 0.1", "require spectral.shift on each family <= 0.1",
     "mixed"),
    ("require spectral.shift on each family <= 0.1; require spectral.shift on attn <= 0.05",
     "require spectral.shift on each family <= 0.2; require spectral.shift on attn <= 0.05",
     "weaker"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "answer"), CASES)
def test_answers(old: str, new: str, answer: str) -> None:
    found = compare(old, new)
    assert found.relation == answer
    assert bool(found.differences) is (answer != "equal")


def test_a_family_within_each_family_changes_nothing() -> None:
    """`on attn <= 0.3` says less than `on each family <= 0.1`, save that attn be there."""
    each = "require spectral.shift on each family <= 0.1"
    attn = "require spectral.shift on attn <= {}"
    inside = compare(f"{each}; {attn.format('0.3')}", f"{each}; {attn.format('0.2')}")
    assert inside.relation is Strictness.EQUAL
    assert [one.note for one in inside.idle] == ["the same values pass"]
    added = compare(each, f"{each}; {attn.format('0.3')}")
    assert added.relation is Strictness.STRICTER
    assert [one.sample.status for one in added.differences[0].witnesses] == ["absent"]


def test_all_families_named_are_stricter_than_each_that_is_there() -> None:
    families = "; ".join(
        f"require spectral.shift on {name} <= 0.1" for name in ("attn", "embed", "ffn", "other")
    )
    found = compare("require spectral.shift on each family <= 0.1", families)
    assert found.relation is Strictness.STRICTER


def test_witnesses_are_plain_and_near_the_bound() -> None:
    (weaker,) = compare("require kl.mean <= 0.1", "require kl.mean <= 0.2").differences
    (witness,) = weaker.witnesses
    assert (weaker.old, weaker.new) == ("require <= 0.1", "require <= 0.2")
    assert (witness.accepted_by, witness.sample.low, witness.sample.high) == ("new", "0.2", "0.2")
    (removed,) = compare(
        "require kl.mean <= 0.1; require kl.p99 <= 1", "require kl.mean <= 0.1"
    ).differences
    assert (removed.relation, removed.new) == ("weaker", None)
    assert removed.witnesses[0].sample.point == "2"
    assert removed.witnesses[0].synthetic  # kl.mean comes from the same windows
    (count,) = compare("require windows.final >= 10", "require windows.final >= 9").differences
    assert count.witnesses[0].sample.point == "9"


def test_a_gate_that_only_wants_presence_is_told_by_a_missing_value() -> None:
    """The language refuses `kl.p99 >= 0`; an IR may hold it, and missing values fail it."""
    shared = Gate(measure="invariants.structure", level="require", relation=Interval(high="0"))
    presence = Gate(measure="kl.p99", level="require", relation=Interval())
    old = BarIR(task="causal_lm", settings=SETTING_DEFAULTS, gates=(shared,))
    new = BarIR(task="causal_lm", settings=SETTING_DEFAULTS, gates=(shared, presence))
    found = compare_bars(old, new)
    assert found.relation is Strictness.STRICTER
    (witness,) = found.differences[0].witnesses
    assert witness.sample.status == "missing"
    assert decide(old, values_of(counterexample(old, witness))).verdict == "pass"
    assert decide(new, values_of(counterexample(old, witness))).verdict == "incomplete"


@pytest.mark.parametrize(
    "change",
    ["windows { length = 256 tokens }", "estimate { confidence = 99% }", "estimate { seed = 8 }"],
)
def test_another_contract_is_incomparable(change: str) -> None:
    gates = ["require kl.mean <= 0.1", "require windows.final >= 10"]
    old, new = bar_of(*gates), bar_of(*gates, top=change)
    found = compare_bars(old, new)
    assert found.relation is Strictness.INCOMPARABLE
    assert [one.kind for one in found.differences] == ["setting"]
    assert compare_bars(new, new).relation is Strictness.EQUAL


def test_another_task_is_no_task_of_this_version() -> None:
    old = bar_of("require kl.mean <= 0.1")
    other = BarIR(task="vision", settings=old.settings, gates=old.gates)
    with pytest.raises(UsageFault) as caught:
        compare_bars(old, other)
    assert caught.value.code == "E134"


def plain_bar(*gates: Gate) -> BarIR:
    return BarIR(task="causal_lm", settings=SETTING_DEFAULTS, gates=gates)


def gate(measure: str, relation: Interval | Member, on: Target | None = None) -> Gate:
    return Gate(measure=measure, level="require", target=on, relation=relation)


NUMBER = gate("kl.p99", Interval(high="1"))
EACH = Target(kind="each", name="family")
ATTN = Target(kind="family", name="attn")


@pytest.mark.parametrize(
    ("code", "gates"),
    [
        ("E120", ()),
        ("E120", (Gate(measure="kl.p99", level="warn", relation=Interval(high="1")),)),
        ("E120", (gate("kl.p99", Interval(high="-1")),)),
        ("E120", (gate("top1.agreement", Interval(low="1", low_closed=False)),)),
        ("E120", (gate("windows.final", Interval(low="1.2", high="1.8")),)),
        ("E120", (gate("runtime.network", Member(values=("sometimes",))),)),
        ("E120", (gate("spectral.shift", Interval(low="1"), ATTN),
                  gate("spectral.shift", Interval(high="0.5"), EACH))),
        ("E105", (NUMBER, NUMBER)),
        ("E134", (gate("kl.nonsense", Interval(high="1")),)),
        ("E134", (gate("runtime.network", Interval(high="1")),)),
        ("E134", (gate("kl.p99", Interval(high="1"), ATTN),)),
        ("E134", (gate("kl.p99", Interval(high="1" * 101)),)),
    ],
)  # fmt: skip
def test_bars_that_are_refused_before_they_are_compared(code: str, gates: tuple[Gate, ...]) -> None:
    control = plain_bar(NUMBER)
    for sides in ((control, plain_bar(*gates)), (plain_bar(*gates), control)):
        with pytest.raises(UsageFault) as caught:
            compare_bars(*sides)
        assert caught.value.code == code
    assert compare_bars(control, control).relation is Strictness.EQUAL


TOGETHER = {
    "windows and their tokens": (
        gate("windows.final", Interval(low="100")),
        gate("windows.tokens", Interval(high="1000")),
        gate("windows.tokens", Interval(high="100000")),
    ),
    "percentiles": (
        gate("perplexity.tail.p50", Interval(low="0.5")),
        gate("perplexity.tail.p99", Interval(high="0.1")),
        gate("perplexity.tail.p99", Interval(high="1")),
    ),
    "a family and the whole": (
        gate("spectral.shift", Interval(low="1"), ATTN),
        gate("spectral.shift", Interval(high="0.5")),
        gate("spectral.shift", Interval(high="2")),
    ),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_gates_that_nothing_passes_together(what: str) -> None:
    shared, wrong, right = TOGETHER[what]
    control = plain_bar(shared, right)
    for sides in ((control, plain_bar(shared, wrong)), (plain_bar(shared, wrong), control)):
        with pytest.raises(UsageFault) as caught:
            compare_bars(*sides)
        assert caught.value.code == "E120"
        assert "contradicts" in caught.value.message or "takes" in caught.value.message
        assert "{" not in caught.value.message
    assert compare_bars(control, plain_bar(shared)).relation is Strictness.WEAKER


def test_passing_values_pass_the_standard_bars() -> None:
    from tests.conftest import ROOT

    policy_ir = compiled((ROOT / "policies" / "causal_lm.invar").read_bytes()).ir
    for bar in policy_ir.bars.values():
        assert decide(bar, values_of(passing(bar))).verdict == "pass"


PROFILED = policy("", "require kl.mean <= 0.1", "profile p {\n  require windows.final >= 10\n}")


def test_policies_bar_by_bar() -> None:
    old = compiled(PROFILED).ir
    looser = compiled(PROFILED.replace("0.1", "0.2")).ir
    bare = compiled(policy("", "require kl.mean <= 0.1")).ir
    assert compare_policies(old, old).relation is Strictness.EQUAL
    found = compare_policies(old, looser)
    assert found.relation is Strictness.WEAKER
    assert [(name, bar.relation) for name, bar in found.bars] == [
        ("t", "weaker"),
        ("t+p", "weaker"),
    ]
    gone = compare_policies(old, bare)
    assert (gone.relation, gone.removed) == ("incomparable", ("t+p",))
    more = compare_policies(bare, old)
    assert (more.relation, more.added) == ("equal", ("t+p",))


def test_a_bar_that_nothing_passes_is_named() -> None:
    old = compiled(PROFILED).ir
    dead = plain_bar(gate("kl.p99", Interval(high="-1")))
    bars = {**old.bars, "t+p": dead}
    new = PolicyIR(language=old.language, task=old.task, bars=bars)
    with pytest.raises(UsageFault) as caught:
        compare_policies(old, new)
    assert caught.value.code == "E120"
    assert "the new bar `t+p`" in caught.value.message


def test_a_bar_comes_back_from_its_json() -> None:
    from invarlock.canonical import canonical_bytes

    bar = bar_of("require kl.mean <= 0.1", "require runtime.network == off")
    assert parse_ir(canonical_bytes(bar.document()), "x") == bar
    whole = compiled(PROFILED).ir
    assert parse_ir(canonical_bytes(whole.document()), "x") == whole


@pytest.mark.parametrize(
    "text",
    [
        "{}", "[]", "{", '{"ir": "invarlock.bar/2"}', '{"ir": "invarlock.bar/1"}',
        '{"ir": "invarlock.policy/1", "language": 1, "task": "causal_lm", "bars": {}}',
        '{"ir": "invarlock.bar/1", "ir": "invarlock.bar/1"}', '{"ir": 1.5}',
    ],
)  # fmt: skip
def test_json_that_is_no_ir(text: str) -> None:
    with pytest.raises(UsageFault) as caught:
        parse_ir(text.encode(), "x")
    assert caught.value.code == "E134"
