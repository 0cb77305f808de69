"""compare against brute force, and every witness against the real judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import settings

from invarlock.errors import UsageFault
from invarlock.judge.decide import decide
from invarlock.policy.compare import BarComparison, Strictness, compare_bars, counterexample
from invarlock.policy.contradict import conflicts
from invarlock.policy.ir import BarIR
from tests.policy.compare import brute
from tests.policy.compare.pairs import pairs

SEEDS = (1, 2, 3, 4)
OPPOSITE = {Strictness.STRICTER: Strictness.WEAKER, Strictness.WEAKER: Strictness.STRICTER}


def wanted() -> int:
    """Pairs for each seed that something can pass: 1,000 in all, 20,000 in a soak."""
    return 5_000 if settings().max_examples >= 2_000 else 250


def compared(old: BarIR, new: BarIR) -> BarComparison | None:
    """The comparison; ``None`` where one bar is refused because nothing passes it."""
    try:
        return compare_bars(old, new)
    except UsageFault as fault:
        code = fault.code
    assert code == "E120"
    return None


def contradictory(bar: BarIR) -> bool:
    """Whether values that pass one by one cannot be together: brute force tries each alone. What
    contradicts what has its own tests."""
    return any(conflicts({gate.id: gate for gate in bar.gates}, bar.settings, bar.task))


def replayed(found: BarComparison, old: BarIR, new: BarIR) -> int:
    """How many witnesses pass the one bar and not the other, over whole bars; all do."""
    count = 0
    for difference in found.differences:
        for witness in difference.witnesses:
            accepting, refusing = (old, new) if witness.accepted_by == "old" else (new, old)
            values = brute.values_of(counterexample(accepting, witness))
            assert decide(accepting, values).verdict == "pass", (difference, witness)
            assert decide(refusing, values).verdict != "pass", (difference, witness)
            count += 1
        assert difference.kind != "gate" or difference.witnesses, difference
    return count


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_compare_equals_brute_force_and_every_witness_holds(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    answers: Counter[Strictness] = Counter()
    refused = crossed = witnesses = 0
    stream = pairs(seed)
    while answers.total() < wanted():
        old, new = next(stream)
        found = compared(old, new)
        if contradictory(old) or contradictory(new):
            assert found is None
            crossed += 1
            continue
        truth = brute.relation_of(old, new)
        assert (found and found.relation) == truth, (old, new)
        if found is None:
            refused += 1
            continue
        answers[found.relation] += 1
        witnesses += replayed(found, old, new)
    # The pairs are worth the name only if every answer comes up, and often.
    assert set(answers) == set(Strictness)
    assert min(answers.values()) >= wanted() // 50
    assert witnesses > wanted()
    assert refused > wanted() // 20
    assert crossed > wanted() // 50
    record_property("pairs", answers.total())
    record_property("witnesses", witnesses)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_the_answer_turned_round(seed: int) -> None:
    for old, new in islice(pairs(seed), wanted() // 2):
        there, back = compared(old, new), compared(new, old)
        if there is None or back is None:
            assert there == back
            continue
        assert back.relation == OPPOSITE.get(there.relation, there.relation)
        for bar in (old, new):
            assert compare_bars(bar, bar) == BarComparison(Strictness.EQUAL, ())


@pytest.mark.soak
def test_stricter_than_the_stricter_is_stricter() -> None:
    """Over chains of bars: what a step refuses, no later stricter step lets back in."""
    orders = {Strictness.EQUAL, Strictness.STRICTER}
    seen = 0
    for old, middle in islice(pairs(9), 4 * wanted()):
        first = compared(old, middle)
        if first is None or first.relation not in orders:
            continue
        for gate in middle.gates:
            tighter = BarIR(
                task=middle.task,
                settings=middle.settings,
                gates=(*(g for g in old.gates if g.id != gate.id), gate),
            )
            second = compared(middle, tighter)
            third = compared(old, tighter)
            if second is None or third is None or second.relation not in orders:
                continue
            both = {first.relation, second.relation}
            assert third.relation is (
                Strictness.STRICTER if Strictness.STRICTER in both else Strictness.EQUAL
            )
            seen += 1
    assert seen > wanted() // 8
