"""Growth of the edge risk: the layer that grew most decides, and one that cannot be compared, or
is not finite, never passes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from invarlock.evidence.schema import Activation
from invarlock.judge.decide import decide
from invarlock.judge.guards.layers import layer_values
from invarlock.judge.values import Key, Value, Values
from tests.builders import Synthetic, at_most, make_activations, make_bar, target

EVIDENCE = Synthetic().evidence()
UP = "model.layers.0.mlp.up_proj"


def values(**changes: Any) -> dict[Key, Value]:
    """With the feed-forward layer of the subject changed."""
    layers = tuple(
        layer.model_copy(update=changes) if layer.name == UP else layer
        for layer in make_activations()
    )
    return _values(layers)


def _values(subject: tuple[Activation, ...]) -> dict[Key, Value]:
    activations = {"baseline": make_activations(), "subject": subject}
    return layer_values(replace(EVIDENCE, activations=activations))


ALL, FFN = Key("rmt.growth"), Key("rmt.growth", "family", "ffn")


def test_equal_arms_grow_by_nothing() -> None:
    found = values()
    families = (Key("rmt.growth", "family", f) for f in ("attn", "embed", "ffn"))
    shifts = (Key("variance.shift"), Key("variance.shift", "family", "ffn"))
    assert set(found) == {ALL, *families, *shifts}
    assert all(value.point == 0 and value.exact for value in found.values())


@pytest.mark.parametrize(
    ("risk", "point"),
    [(1_650_000_000, "0.1"), (1_500_000_001, "0.000000001"), (750_000_000, "0")],
)
def test_the_layer_that_grew_most(risk: int, point: str) -> None:
    found = values(risk=risk)
    assert found[ALL].point == Decimal(point)
    assert found[Key("rmt.growth", "family", "attn")].point == 0


def test_a_family_that_shrank_says_so() -> None:
    layers = tuple(
        layer.model_copy(update={"risk": (layer.risk or 0) // 2})
        if layer.family == "ffn"
        else layer
        for layer in make_activations()
    )
    assert _values(layers)[FFN].point == Decimal("-0.5")
    assert _values(layers)[ALL].point == 0
    assert f"`{UP}`" in values(risk=1_650_000_000)[ALL].reason


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"spectrum": "non_finite", "risk": None, "log_spread": None}, "non_finite"),
        ({"spectrum": "zero", "risk": None, "log_spread": None}, "missing"),
        ({"features": 16}, "missing"),
        ({"name": "model.layers.0.mlp.other_proj"}, "missing"),
    ],
)
def test_what_cannot_be_compared_never_passes(changes: dict[str, Any], status: str) -> None:
    found = values(**changes)
    assert found[ALL].status == found[FFN].status == status
    assert found[ALL].point is None
    assert found[Key("rmt.growth", "family", "attn")].status == "ok"
    gate = at_most("rmt.growth", "10", on=target("family", "each"))
    assert decide(make_bar(gate), Values(found)).verdict == "incomplete"
    assert decide(make_bar(at_most("rmt.growth", "10")), Values(found)).verdict == "incomplete"


def test_layers_that_rest_in_both_arms_are_equal() -> None:
    still = {"spectrum": "zero", "risk": None, "log_spread": None}
    layers = tuple(layer.model_copy(update=still) for layer in make_activations())
    activations = {"baseline": layers, "subject": layers}
    assert layer_values(replace(EVIDENCE, activations=activations))[ALL].point == 0


def test_no_layers_give_no_value() -> None:
    activations: dict[Any, tuple[Activation, ...]] = {"baseline": (), "subject": ()}
    assert layer_values(replace(EVIDENCE, activations=activations)) == {}
    assert _values(())[ALL].status == "missing"


@pytest.mark.parametrize(
    ("risk", "verdict"),
    [(1_575_000_000, "pass"), (1_575_000_003, "fail")],
)
def test_each_family_has_to_hold_the_bound(risk: int, verdict: str) -> None:
    bar = make_bar(at_most("rmt.growth", "0.05", on=target("family", "each")))
    floors = {Key("windows.final"): Value("ok", Decimal(24))}
    floors[Key("windows.preview")] = Value("ok", Decimal(12))
    decided = decide(bar, Values({**values(risk=risk), **floors}))
    assert decided.verdict == verdict
