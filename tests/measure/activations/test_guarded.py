"""The guard windows scored again: exactly alike without a guard, and with the baseline's scales
better where an edit has shifted the variance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import NANO, NON_FINITE
from invarlock.evidence.blocks import block_ends
from tests.measure.arms import Outcome, measure
from tests.measure.tiny import edited, make_model

Tensors = dict[str, np.ndarray[Any, Any]]


def gain(outcome: Outcome) -> float:
    """Mean log-loss that scaling saves over the second half of the guard windows, in nats."""
    rows = len(outcome.bare)
    return float((outcome.loss[rows // 2 : rows] - outcome.scaled[rows // 2 :]).mean()) / NANO


def spread(outcome: Outcome, name: str) -> float:
    """|ln| of a layer's spread, subject's over baseline's, in nats."""
    before, after = outcome.baseline_layers[name], outcome.subject_layers[name]
    assert before.log_spread is not None
    assert after.log_spread is not None
    return abs(after.log_spread - before.log_spread) / NANO


@pytest.mark.parametrize("kind", ["llama", "gpt2", "olmo"])
def test_watching_changes_no_number(tmp_path: Path, data: Path, kind: str) -> None:
    model = make_model(tmp_path / "m", kind)
    outcome = measure(tmp_path / "run", model, model, data)
    rows = 8 * 15
    assert np.array_equal(outcome.bare, outcome.loss[:rows])
    assert np.array_equal(outcome.scaled, outcome.bare)
    assert len(outcome.overhead.guarded) == 1
    assert outcome.overhead.bare
    assert min(*outcome.overhead.guarded, *outcome.overhead.bare) > 0


def test_a_uniformly_scaled_family_is_seen_by_its_spread_alone(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    """All of attention's outputs 8% larger: directions stay, so that the edge risk rests where
    they are made."""

    def scale(tensors: Tensors) -> None:
        for name in tensors:
            if name.endswith("self_attn.o_proj.weight"):
                tensors[name] *= np.float32(1.08)

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", scale), data)
    first = "model.layers.0.self_attn.o_proj"
    assert spread(outcome, first) == pytest.approx(np.log(1.08), rel=1e-3)
    before, after = outcome.baseline_layers[first], outcome.subject_layers[first]
    assert before.risk == pytest.approx(after.risk, rel=1e-5)
    assert np.array_equal(outcome.bare, outcome.loss[: len(outcome.bare)])
    assert not np.array_equal(outcome.scaled, outcome.bare)


def test_scales_give_back_what_scaling_took(tiny: Path, tmp_path: Path, data: Path) -> None:
    """The last block's output eightfold; with the baseline's scale the losses are the baseline's
    again, to the rounding of float32."""
    name = "model.layers.1.mlp.down_proj.weight"

    def scale(tensors: Tensors) -> None:
        tensors[name] *= np.float32(8.0)

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", scale), data)
    rows = len(outcome.bare)
    lost = float((outcome.loss[rows // 2 : rows] - outcome.baseline_loss[rows // 2 : rows]).mean())
    assert abs(lost) / NANO > 0.01
    assert gain(outcome) == pytest.approx(lost / NANO, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("olmo2", "self_attn.o_proj"),
        ("olmo2", "mlp.down_proj"),
        ("gemma2", "mlp.down_proj"),
    ],
)
def test_where_a_norm_follows_a_block_its_output_is_what_is_added(
    tmp_path: Path, data: Path, kind: str, last: str
) -> None:
    """The last matrix made larger changes nothing that is added; the norm after it does, and where
    no block comes later the baseline's scale takes all of that back."""
    model = make_model(tmp_path / "model", kind)

    def louder(name: str) -> Outcome:
        def scale(tensors: Tensors) -> None:
            of_one = kind == "gemma2" and name.endswith("norm.weight")  # stored less one
            tensors[name] = 8 * (1 + tensors[name]) - 1 if of_one else 8 * tensors[name]

        subject = edited(model, tmp_path / name, scale)
        return measure(tmp_path / f"run.{name}", model, subject, data)

    family = "ffn" if last.startswith("mlp") else "attn"
    inside = louder(f"model.layers.1.{last}.weight")
    ends = block_ends(inside.baseline_layers)
    (end,) = (name for name in ends if "layers.1." in name and ends[name] == family)
    assert end.endswith("norm")
    assert spread(inside, f"model.layers.1.{last}") == pytest.approx(np.log(8), rel=1e-3)
    assert spread(inside, end) < 0.01
    outside = louder(f"{end}.weight")
    assert spread(outside, end) == pytest.approx(np.log(8), rel=1e-3)
    half = slice(len(outside.bare) // 2, len(outside.bare))
    lost = float((outside.loss[half] - outside.baseline_loss[half]).mean()) / NANO
    assert abs(lost) > 0.001
    if family == "ffn":
        assert gain(outside) == pytest.approx(lost, abs=1e-4)


def test_without_blocks_there_is_nothing_to_scale(tmp_path: Path, data: Path) -> None:
    model = make_model(tmp_path / "m", "llama", num_hidden_layers=0)
    outcome = measure(tmp_path / "run", model, model, data)
    assert np.all(outcome.scaled == NON_FINITE)
    assert np.array_equal(outcome.bare, outcome.loss[: len(outcome.bare)])


def test_a_broken_model_has_no_number(tiny: Path, tmp_path: Path, data: Path) -> None:
    def poison(tensors: Tensors) -> None:
        tensors["model.layers.1.self_attn.v_proj.weight"][0, 0] = np.nan

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", poison), data)
    assert np.all(outcome.bare == NON_FINITE)
    assert np.all(outcome.scaled == NON_FINITE)
