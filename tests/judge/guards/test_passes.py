"""What passes over the guard windows say: gain, and overhead in numbers and in time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import NANO, NON_FINITE
from invarlock.evidence.schema import Overhead
from invarlock.judge.decide import decide
from invarlock.judge.guards import activation_values
from invarlock.judge.values import Key, Value, Values
from tests.builders import Synthetic, at_most, between, make_activations, make_bar

EVIDENCE = Synthetic().evidence()
ROWS = 64
DOWN = "model.layers.0.mlp.down_proj"
GAIN, METRIC, TIME = Key("variance.gain"), Key("overhead.metric"), Key("overhead.time")
SHIFT = Key("variance.shift")


def values(**changes: Any) -> dict[Key, Value]:
    return activation_values(replace(EVIDENCE, **changes))


def subject(**changes: Any) -> dict[str, Any]:
    """Activations whose subject has the last layer of a block changed."""
    layers = tuple(
        layer.model_copy(update=changes) if layer.name == DOWN else layer
        for layer in make_activations()
    )
    return {"activations": {"baseline": make_activations(), "subject": layers}}


def scaled(saved: int, begin: int = 0) -> np.ndarray[Any, Any]:
    """Losses of the guard windows, lower by ``saved`` from row ``begin`` on."""
    out = EVIDENCE.loss[:ROWS].copy()
    out[begin:] -= saved
    return out


def test_equal_arms_gain_nothing() -> None:
    found = values()
    assert found[GAIN].point == found[SHIFT].point == 0
    assert found[METRIC].point == 1
    assert found[TIME].point == Decimal("1.25")
    assert found[GAIN].reason == "1 blocks scaled by 1 to 1"


def test_the_gain_is_the_mean_over_the_half_that_made_no_scale() -> None:
    assert values(scaled=scaled(NANO // 50))[GAIN].point == Decimal("0.02")
    assert values(scaled=scaled(NANO // 50, 32))[GAIN].point == Decimal("0.02")
    assert values(scaled=scaled(-NANO // 50))[GAIN].point == Decimal("-0.02")
    first = scaled(NANO // 50)
    first[32:] = EVIDENCE.loss[32:ROWS]
    assert values(scaled=first)[GAIN].point == 0


def test_the_report_names_the_scales_proposed() -> None:
    found = values(**subject(log_spread=-500_000_000 + 100_000_000))
    assert found[GAIN].reason == "1 blocks scaled by 0.904837418 to 0.904837418"
    assert found[SHIFT].point == Decimal("0.1")
    assert found[Key("variance.shift", "family", "ffn")].point == Decimal("0.1")


@pytest.mark.parametrize(
    ("changes", "gain", "shift"),
    [
        ({"log_spread": None}, "missing", "missing"),
        ({"features": 32}, "ok", "missing"),
        ({"name": "model.layers.1.mlp.down_proj"}, "missing", "missing"),
        ({"spectrum": "non_finite", "risk": None, "log_spread": None}, "missing", "non_finite"),
    ],
)
def test_blocks_that_cannot_be_compared_never_pass(
    changes: dict[str, Any], gain: str, shift: str
) -> None:
    found = values(**subject(**changes))
    assert (found[GAIN].status, found[SHIFT].status) == (gain, shift)
    assert decide(make_bar(at_most("variance.shift", "10")), Values(found)).verdict == "incomplete"


@pytest.mark.parametrize("column", ["scaled", "bare", "loss"])
def test_what_is_not_finite_never_passes(column: str) -> None:
    broken = getattr(EVIDENCE, column).copy()
    broken[40] = NON_FINITE
    found = values(**{column: broken})
    for key, hit in ((GAIN, {"scaled", "loss"}), (METRIC, {"bare", "loss"})):
        assert (found[key].status == "non_finite") == (column in hit)
        assert (found[key].point is None) == (column in hit)


def test_where_no_guard_ran_there_is_no_value() -> None:
    none = values(bare=None, scaled=None, overhead=Overhead(guarded=(), bare=()))
    assert not {GAIN, METRIC, TIME} & set(none)
    assert TIME not in values(overhead=Overhead(guarded=(5,), bare=()))
    bar = make_bar(at_most("variance.gain", "1"), between("overhead.metric", "0.5", "2"))
    assert decide(bar, Values(none)).verdict == "incomplete"


def test_one_guard_window_leaves_none_to_see_a_gain() -> None:
    one = Synthetic(bar=make_bar(final=1, preview=1)).evidence()
    assert activation_values(one)[GAIN].status == "missing"


def test_the_overheads_are_ratios() -> None:
    bare = EVIDENCE.loss[:ROWS] - NANO // 100
    assert values(bare=bare)[METRIC].point == Decimal("1.010050167")
    slow = Overhead(guarded=(30, 10, 20), bare=(10, 5))
    assert values(overhead=slow)[TIME].point == Decimal("2.666666667")
