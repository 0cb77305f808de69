"""Bounds from null runs: which value they rest on, and how often they are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from invarlock.authoring.calibration import Calibrated, calibrated, least_runs, propose
from invarlock.judge import Key, Value, Values, decide
from invarlock.policy import compile_policy
from invarlock.policy.ir import BarIR, Gate, Interval

SOURCE = b"""\
invar 1
policy given "1"
task = causal_lm
windows { length = 128 tokens }
require runtime.isolation in {sandbox}
require windows.match == 100%
require windows.final >= 64
require windows.preview >= 64
tier strict {
  require perplexity.ratio <= 1.05
  require perplexity.drift in [0.95, 1.05]
  require top1.agreement >= 90%
  require kl.mean on "code" <= 0.05 nats
  warn spectral.shift on each family <= 0.01 nats
  require invariants.non_finite == 0
}
"""
DIGEST = "sha256:" + "a" * 64


def bar() -> BarIR:
    return compile_policy(SOURCE, filename="given.invar").ir.bars["strict"]


def gate(measure: str, **rest: object) -> Gate:
    found = next(gate for gate in bar().gates if gate.measure == measure)
    return found if not rest else Gate(**{**{name: getattr(found, name) for name in
        ("measure", "statistic", "target", "level", "relation")}, **rest})  # fmt: skip


def value(point: float, spread: float | None = None) -> Value:
    at = Decimal(str(round(point, 9)))
    if spread is None:
        return Value("ok", at)
    by = Decimal(str(round(spread, 9)))
    return Value("ok", at, at - by, at + by)


def run(ratio: float = 1.0, *, spread: float = 0.001, **others: Value) -> Values:
    items = {
        Key("perplexity.ratio"): value(ratio, spread),
        Key("perplexity.drift"): value(1.001),
        Key("top1.agreement"): value(0.99, 0.001),
        Key("kl.mean", "slice", "code"): value(0.001, 0.0001),
        Key("spectral.shift", "family", "ffn"): value(0.0001),
        Key("spectral.shift", "family", "attn"): value(0.0003),
        Key("invariants.non_finite"): value(0),
    }
    return Values(items | {Key(name): given for name, given in others.items()})


def bound(found: Calibrated | str) -> tuple[str | None, str | None]:
    assert isinstance(found, Calibrated), found
    assert isinstance(found.gate.relation, Interval)
    return found.gate.relation.low, found.gate.relation.high


@pytest.mark.parametrize(("rate", "runs"), [("1/100", 99), ("1/20", 19), ("1/3", 2), ("1/2", 1)])
def test_how_many_runs_a_rate_takes(rate: str, runs: int) -> None:
    assert least_runs(Fraction(rate)) == runs
    calibrated(gate("perplexity.ratio"), [run()] * runs, Fraction(rate))
    if runs > 1:
        with pytest.raises(ValueError, match=f"{runs} are needed"):
            calibrated(gate("perplexity.ratio"), [run()] * (runs - 1), Fraction(rate))


def test_the_harmful_end_counts_and_is_rounded_outwards() -> None:
    runs = [run(1 + at / 1000, spread=0.00512) for at in range(9)]
    found = calibrated(gate("perplexity.ratio"), runs, Fraction(1, 10))
    assert bound(found) == (None, "1.014")  # 1.01312 is the largest end
    second = calibrated(gate("perplexity.ratio"), runs, Fraction(2, 10))
    assert bound(second) == (None, "1.013")  # 1.01212
    assert isinstance(second, Calibrated)
    assert second.rank == 2
    pointed = calibrated(gate("perplexity.ratio", statistic="point"), runs, Fraction(1, 10))
    assert bound(pointed) == (None, "1.0081")


def test_each_side_of_harm() -> None:
    third = Fraction(1, 3)
    runs = [run(), run(**{"perplexity.drift": value(0.98), "top1.agreement": value(0.9, 0.0123)})]
    assert bound(calibrated(gate("top1.agreement"), runs, third)) == ("0.88", None)
    # 1/0.98 is further away than 1.001.
    assert bound(calibrated(gate("perplexity.drift"), runs, third)) == ("0.979", "1.021")
    assert bound(calibrated(gate("spectral.shift"), runs, third)) == (None, "0.00031")
    assert bound(calibrated(gate("invariants.non_finite"), runs, third)) == (None, "0")
    assert bound(calibrated(gate("kl.mean"), runs, third)) == (None, "0.0012")


@pytest.mark.parametrize(
    "bad", [Value("missing"), Value("too_few", Decimal(1)), Value("ok", Decimal(1))]
)
def test_a_run_without_a_value_gives_no_bound(bad: Value) -> None:
    runs = [run(), run(**{"perplexity.ratio": bad})]
    assert isinstance(calibrated(gate("perplexity.ratio"), runs, Fraction(1, 3)), str)
    assert isinstance(calibrated(gate("perplexity.ratio"), [run()] * 2, Fraction(1, 3)), Calibrated)


def test_a_null_run_that_the_bar_misses_is_counted() -> None:
    runs = [run(1.2), run(1.0), run(1.3)]
    found = calibrated(gate("perplexity.ratio"), runs, Fraction(1, 4))
    assert isinstance(found, Calibrated)
    assert found.missed == 2


@pytest.mark.parametrize("shape", ["normal", "lognormal", "uniform"])
def test_false_alarms_stay_within_the_rate(shape: str) -> None:
    """By simulation: 1,200 calibrations from 19 runs each, and one more null run."""
    rng = np.random.default_rng(11)
    draw = {"normal": rng.standard_normal, "lognormal": lambda n: rng.lognormal(size=n),
            "uniform": rng.random}[shape]  # fmt: skip
    alarms, trials = 0, 1_200
    ratio = gate("perplexity.ratio", statistic="point")
    for _ in range(trials):
        *known, fresh = (1 + 0.001 * float(x) for x in draw(20))
        _, high = bound(calibrated(ratio, [run(x) for x in known], Fraction(1, 20)))
        alarms += fresh > float(high or 0)
    # The rate is 5%, less what rounding gives away; four standard errors above it is an error.
    assert 0.01 < alarms / trials < 0.05 + 4 * (0.05 * 0.95 / trials) ** 0.5


def proposed(runs: Sequence[Values], rate: str) -> tuple[str, BarIR]:
    source, compiled, _ = propose(
        bar(), runs, Fraction(rate), name="mine", baseline=DIGEST, data=DIGEST
    )
    return source.decode(), compiled.ir.bars["calibrated"]


def test_a_proposal_compiles_and_asks_what_the_bar_asks() -> None:
    text, found = proposed([run(1 + at / 1000) for at in range(19)], "5%".replace("%", "/100"))
    before = bar()
    assert {g.id for g in found.gates} == {g.id for g in before.gates} | {
        "baseline.digest", "data.digest",
    }  # fmt: skip
    assert found.settings == before.settings
    assert {g.id: g.level for g in found.gates}["spectral.shift on each family"] == "warn"
    assert "largest of 19" in text
    assert "at most 5%" in text
    for untouched in ("runtime.isolation", "windows.match", "windows.final"):
        assert found.gate(untouched) == before.gate(untouched)


def test_null_runs_pass_the_proposal_and_a_bad_edit_does_not() -> None:
    runs = [run(1 + at / 1000) for at in range(4)]
    _, found = proposed(runs, "1/5")
    pairs = {measure: g for g in found.gates if (measure := g.measure)}

    def verdicts(values: Values) -> set[str]:
        gates = decide(found, values).gates
        return {g.verdict for g in gates if pairs[g.measure].relation and "." in g.measure
                and g.measure.split(".")[0] in {"perplexity", "top1", "kl", "spectral",
                                                "invariants"}}  # fmt: skip

    assert all(verdicts(values) == {"pass"} for values in runs)
    assert "fail" in verdicts(run(1.02))


def test_what_was_not_measured_keeps_the_bound_of_the_bar() -> None:
    text, found = proposed([Values({}) for _ in range(4)], "1/5")
    assert "not calibrated: a null run gave no value" in text
    assert found.gate("perplexity.ratio") == bar().gate("perplexity.ratio")


def test_a_growth_is_calibrated_from_nought_and_a_ratio_from_one() -> None:
    runs = [run(**{"rmt.growth": value(0.0019)}), run(**{"rmt.growth": value(0.0012)})]
    growth = replace(gate("perplexity.ratio"), measure="rmt.growth")
    assert bound(calibrated(growth, runs, Fraction(1, 3))) == (None, "0.002")
    assert bound(calibrated(gate("perplexity.ratio"), runs, Fraction(1, 3))) == (None, "1.0011")
