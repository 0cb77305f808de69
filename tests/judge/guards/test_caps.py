"""Caps: counted against an absolute scale, corrected for how many matrices are looked at."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.stats import false_discovery_control, norm

from invarlock.evidence.schema import CapsContract, Scales
from invarlock.judge import Key
from invarlock.judge.guards.caps import capped, caps_values
from invarlock.judge.guards.pairs import Found
from tests.policy.support import compiled, errors, policy


def contract(correction: Any = "bh", level: str = "0.05", **scale: str) -> CapsContract:
    scales = {"attn": "0.005", "embed": "0.005", "ffn": "0.005", "other": "0.005", **scale}
    return CapsContract(correction=correction, level=level, scale=Scales(**scales))


def found(*shifts: str, family: str = "ffn") -> list[Found]:
    return [Found(f"t{n}", family, "ok", Fraction(Decimal(s))) for n, s in enumerate(shifts)]


def count(shifts: list[Found], how: CapsContract) -> int:
    point = caps_values(shifts, how)[Key("spectral.caps")].point
    assert point is not None
    return int(point)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("level", ["0.05", "0.3"])
def test_both_corrections_are_those_of_the_textbook(seed: int, level: str) -> None:
    draw = np.random.default_rng(seed)
    scores = np.sort(np.abs(draw.normal(size=60) * draw.choice([1, 4], 60)))[::-1]
    p = 2 * norm.sf(scores)
    exact = [Fraction(score) for score in scores]
    expected = int((false_discovery_control(p, method="bh") <= float(level)).sum())
    assert capped(exact, contract("bh", level)) == expected
    assert capped(exact, contract("bonferroni", level)) == int((p <= float(level) / 60).sum())


def test_a_family_scaled_alike_is_seen_whole() -> None:
    """A z over the family itself would be zero everywhere."""
    assert count(found(*["0.05"] * 40), contract()) == 40
    assert count(found(*["0.05"] * 2), contract()) == 2
    assert count(found(*["0.05"]), contract()) == 1
    assert count(found(*["0.005"] * 40), contract()) == 0


def test_each_family_has_a_scale_of_its_own() -> None:
    both = [*found("0.05", family="attn"), *found("0.05", family="ffn")]
    assert count(both, contract()) == 2
    assert count(both, contract(attn="0.05")) == 1


def test_chance_alone_gives_caps_at_the_level() -> None:
    draw = np.random.default_rng(8)
    hits = {"bh": 0, "bonferroni": 0}
    for _ in range(400):
        scores = [Fraction(score) for score in np.sort(np.abs(draw.normal(size=50)))[::-1]]
        for name in hits:
            hits[name] += capped(scores, contract(name)) > 0
    assert 8 <= hits["bonferroni"] <= hits["bh"] <= 33


def test_scores_beyond_any_float_tail() -> None:
    assert count(found("20.7", "0"), contract("bonferroni", "0.000001", ffn="0.000001")) == 1


def test_caps_name_the_matrices_that_moved_most() -> None:
    value = caps_values(found("0.001", "0.2", "0.1"), contract())[Key("spectral.caps")]
    assert value.reason == "in `t1` and 1 more"


def test_without_all_shifts_there_is_no_count() -> None:
    lost = Found("x", "ffn", "missing", reason="gone")
    assert caps_values([*found("0.2"), lost], contract())[Key("spectral.caps")].status == "missing"
    assert caps_values([], contract()) == {}


@pytest.mark.parametrize(
    ("settings", "gate"),
    [
        ("", "require spectral.caps <= 1_000_000"),
        ("", "require rows.turned <= 1_000_000_000"),
        ("", "require rmt.outliers <= 100%"),
        ("spectral { scale.ffn = 1.1 nats }", "require spectral.caps <= 5"),
        ("spectral { scale.ffn = 0 nats }", "require spectral.caps <= 5"),
        ("spectral { level = 51% }", "require spectral.caps <= 5"),
        ("spectral { level = 0% }", "require spectral.caps <= 5"),
    ],
)
def test_a_threshold_that_can_never_fire_does_not_compile(settings: str, gate: str) -> None:
    assert compiled(policy(tier="require spectral.caps <= 5")).ir.bars
    assert [found.code for found in errors(policy(settings, gate))] == ["E104"]
