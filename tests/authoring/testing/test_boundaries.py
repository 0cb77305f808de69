"""Boundary cases: all kinds of bounds are met, and a judge that errs is caught."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from invarlock.authoring.testing import boundaries, run_boundaries
from invarlock.authoring.testing.oracle import outcome
from invarlock.authoring.testing.suppose import ABSENT, numeric
from invarlock.judge import Key, Value, Values, decide
from invarlock.policy.catalogue import MEASURES
from invarlock.policy.intervals import (
    WHOLE_UNITS,
    interval_of,
    is_empty,
    range_interval,
    reach,
)
from invarlock.policy.ir import BarIR, Gate, Interval
from tests.policy.support import compiled, policy


def test_every_bound_is_met_on_both_sides() -> None:
    source = policy(tier="require perplexity.ratio <= 1.10\n  require top1.agreement > 90%")
    ir = compiled(source).ir
    (name,) = ir.bars
    places = {(case.gate, case.place) for case in boundaries._bar(name, ir.bars[name])}
    for gate, bound in (
        ("perplexity.ratio", "high bound 1.1"),
        ("top1.agreement", "low bound 0.9"),
    ):
        for place in ("on", "just inside", "just outside", "across"):
            assert (gate, f"{place} the {bound}") in places
        for place in ("missing", "nan", "unpaired", "too few documents"):
            assert (gate, place) in places


@pytest.mark.parametrize(
    "gates",
    [
        "require perplexity.drift in (0.9, 1.1)",
        "require invariants.non_finite == 0",
        "require windows.final in [8, 64]",
        "warn kl.mean <= 0.1; require kl.mean.point <= 0.1",
        "require spectral.shift on each family < 0.1; require spectral.shift on attn < 0.05",
        'require perplexity.ratio on "code" >= 0.9; require perplexity.ratio < 1.1',
        "require runtime.isolation in {sandbox, host}; require tokenizer.same == no",
        f"require data.digest in {{sha256:{'a' * 64}}}",
    ],
)
def test_the_judge_agrees_on_all_kinds(gates: str) -> None:
    found = run_boundaries(compiled(policy(tier=gates)).ir)
    assert found.cases > 0
    assert found.failures == ()


def test_a_judge_that_errs_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing every open end is the smallest mistake a judge could make."""

    def lax(bar: BarIR, values: Values) -> object:
        gates = tuple(
            replace(gate, relation=replace(gate.relation, high_closed=True))
            if isinstance(gate.relation, Interval)
            else gate
            for gate in bar.gates
        )
        return decide(replace(bar, gates=gates), values)

    ir = compiled(policy(tier="require perplexity.ratio < 1.10")).ir
    assert run_boundaries(ir).failures == ()
    monkeypatch.setattr(boundaries, "decide", lax)
    (failure,) = [f for f in run_boundaries(ir).failures if f.place.startswith("on ")]
    assert (failure.gate, failure.expected, failure.came) == ("perplexity.ratio", "fail", "pass")


NUMBERS = sorted(name for name, m in MEASURES.items() if m.unit is not None)


@st.composite
def gates_and_values(draw: st.DrawFn) -> tuple[Gate, Value]:
    """A gate on any measure of numbers, and a value near it that the measure can have."""
    measure = MEASURES[draw(st.sampled_from(NUMBERS))]
    whole = measure.unit in WHOLE_UNITS
    digits = st.integers(0, 4).map(Decimal) if whole else st.decimals(-3, 3, places=1)
    low, high = draw(st.none() | digits), draw(st.none() | digits)
    closed = draw(st.tuples(st.booleans(), st.booleans()))
    written = interval_of(low, high, low_closed=closed[0], high_closed=closed[1])
    assume(not is_empty(reach(written, measure)))
    point = measure.interval and draw(st.booleans())
    gate = Gate(
        measure=measure.name,
        statistic="point" if point else "estimate",
        level="require",
        relation=written,
    )
    possible = range_interval(measure.range)
    ends = sorted(
        draw(st.tuples(digits.filter(possible.contains), digits.filter(possible.contains)))
    )
    return gate, draw(st.sampled_from([numeric(measure, ends[0], *ends), *ABSENT.values()]))


@given(gates_and_values())
def test_the_oracle_and_the_judge_agree_on_any_interval(pair: tuple[Gate, Value]) -> None:
    gate, value = pair
    bar = BarIR(task="causal_lm", settings={}, gates=(gate,))
    assert decide(bar, Values({Key(gate.measure): value})).verdict == outcome(gate, value)
