"""A bar's contract and its smallest schedule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from invarlock.errors import UsageFault
from invarlock.judge import contract_of, same_measurement, schedule_of
from invarlock.policy.catalogue import DEFAULT_RESAMPLES
from invarlock.policy.ir import BarIR, Gate, Interval
from tests.builders import at_least, at_most, between, make_bar, target

SEED = "sha256:" + "0" * 64


def _bare(*gates: Gate, **settings: str) -> BarIR:
    """A bar with these gates alone."""
    return replace(make_bar(**settings), gates=gates)


def test_settings_reach_the_contract() -> None:
    bar = make_bar(windows__length="128", estimate__confidence="0.9", estimate__seed="11")
    contract = contract_of(bar)
    assert contract.windows.length == 128
    assert contract.estimate.confidence == "0.9"
    assert contract.estimate.seed == 11
    assert contract.estimate.minimum_documents == 8
    assert contract.digest != contract_of(make_bar()).digest


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ((), DEFAULT_RESAMPLES),
        ((at_least("estimate.resamples", "400"),), 400),
        ((at_least("estimate.resamples", "400.5"),), 401),
        ((at_least("estimate.resamples", "3200", level="warn"),), 3200),
        ((between("estimate.resamples", "500", "900"),), 500),
        ((at_least("estimate.resamples", "0"),), 1),
        ((at_most("estimate.resamples", "5000"),), DEFAULT_RESAMPLES),
    ],
)
def test_resamples_are_as_few_as_the_bar_allows(gates: tuple[Gate, ...], expected: int) -> None:
    assert contract_of(_bare(*gates)).estimate.resamples == expected


def test_a_gate_that_needs_more_windows_has_them() -> None:
    """A bar that could never be decided by its floor alone is run with what its gates take."""
    floor, ratio = at_least("windows.final", "9"), at_most("perplexity.ratio", "1.1")
    wide = {"estimate__minimum": "40"}
    assert schedule_of(_bare(floor, **wide), SEED).final == 9
    assert schedule_of(_bare(floor, ratio, **wide), SEED).final == 40
    assert schedule_of(_bare(floor, at_most("perplexity.tail.p95", "1")), SEED).final == 20
    on_a_slice = at_most("perplexity.ratio", "1.1", on=target("a"))
    assert schedule_of(_bare(floor, on_a_slice, **wide), SEED).final == 9


def test_looks_need_windows_to_look_at() -> None:
    plan = {"estimate__looks": "4", "estimate__spending": "pocock"}
    schedule = schedule_of(_bare(at_least("windows.final", "32"), **plan), SEED)
    assert (schedule.final, schedule.look) == (32, 4)
    assert schedule_of(_bare(at_least("windows.final", "32"), **plan), SEED, look=2).look == 2
    with pytest.raises(UsageFault, match="too few for 4 looks"):
        schedule_of(_bare(at_least("windows.final", "24"), **plan), SEED)


def test_another_plan_of_looks_is_another_measurement() -> None:
    floor = at_least("windows.final", "64")
    contracts = [
        contract_of(_bare(floor, estimate__looks=looks, estimate__spending=spending))
        for looks, spending in (("1", "none"), ("2", "pocock"), ("3", "pocock"))
    ]
    contracts.append(
        contract_of(_bare(floor, estimate__looks="2", estimate__spending="obrien_fleming"))
    )
    for one in contracts:
        assert [same_measurement(one, other) for other in contracts].count(True) == 1


def test_open_bound_is_passed_by() -> None:
    gate = Gate(
        measure="estimate.resamples",
        level="require",
        relation=Interval(low="400", low_closed=False),
    )
    assert contract_of(_bare(gate)).estimate.resamples == 401


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ((at_least("windows.final", "24"),), (0, 24)),
        ((at_least("windows.final", "24"), at_least("windows.preview", "12")), (12, 24)),
        ((at_least("windows.tokens", "160"),), (0, 20)),
        ((at_least("windows.tokens", "161"),), (0, 21)),
        ((at_least("windows.final", "24"), at_least("windows.tokens", "160")), (0, 24)),
        ((at_least("windows.final", "10"), at_least("windows.tokens", "160")), (0, 20)),
        ((at_least("windows.final", "9"), at_least("windows.final", "30", on=target("a"))), (0, 9)),
    ],
)
def test_schedule_is_the_smallest(gates: tuple[Gate, ...], expected: tuple[int, int]) -> None:
    schedule = schedule_of(_bare(*gates), SEED)
    assert (schedule.preview, schedule.final) == expected
    assert schedule.seed == SEED


@pytest.mark.parametrize(
    "gates",
    [
        (),
        (at_least("windows.final", "0"),),
        (at_most("windows.final", "10"),),
        (at_least("windows.preview", "10"),),
        (at_least("windows.final", "9"), between("perplexity.drift", "0.9", "1.1")),
        (
            at_least("windows.final", "9"),
            at_least("windows.preview", "0"),
            between("perplexity.drift", "0.9", "1.1", level="warn"),
        ),
    ],
)
def test_no_floor_no_schedule(gates: tuple[Gate, ...]) -> None:
    with pytest.raises(UsageFault) as caught:
        schedule_of(_bare(*gates), SEED)
    assert caught.value.code == "E004"


def test_drift_with_a_preview_floor_has_a_schedule() -> None:
    """The positive control of the refusals above."""
    drift = between("perplexity.drift", "0.9", "1.1")
    gates = (at_least("windows.final", "9"), at_least("windows.preview", "3"), drift)
    assert schedule_of(_bare(*gates), SEED).preview == 3


def test_same_measurement_ignores_only_the_estimate() -> None:
    left = contract_of(make_bar())
    more = contract_of(make_bar(at_least("estimate.resamples", "3200"), estimate__seed="8"))
    assert left != more
    assert same_measurement(left, more)
    assert not same_measurement(left, contract_of(make_bar(windows__length="128")))
