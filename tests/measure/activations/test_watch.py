"""Both arms' layers over the guard windows: at rest for one model, moved where an edit turns what a
layer puts out, though its weights keep their spectrum, rows and size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.measure.arms import Outcome, measure
from tests.measure.tiny import edited, make_model

Tensors = dict[str, np.ndarray[Any, Any]]


def growth(outcome: Outcome) -> dict[str, float]:
    """Edge risk of the subject over the baseline's, less one, by layer."""
    pairs = ((name, outcome.baseline_layers[name], outcome.subject_layers[name]) for name in LAYERS)
    return {name: after.risk / before.risk - 1 for name, before, after in pairs if before.risk}


LAYERS = [
    "model.embed_tokens",
    *(
        f"model.layers.{layer}.{part}"
        for layer in (0, 1)
        for part in (
            *(f"mlp.{name}_proj" for name in ("down", "gate", "up")),
            *(f"self_attn.{name}_proj" for name in "koqv"),
        )
    ),
]


def test_every_layer_of_the_body_is_seen_once(tiny: Path, tmp_path: Path, data: Path) -> None:
    outcome = measure(tmp_path / "run", tiny, tiny, data)
    assert sorted(outcome.baseline_layers) == LAYERS
    assert outcome.subject_layers == outcome.baseline_layers
    assert {layer.tokens for layer in outcome.baseline_layers.values()} == {8 * 15}
    families = {name: layer.family for name, layer in outcome.baseline_layers.items()}
    assert families["model.embed_tokens"] == "embed"
    assert families["model.layers.0.mlp.up_proj"] == "ffn"
    assert families["model.layers.1.self_attn.o_proj"] == "attn"
    assert all(layer.risk and layer.risk > 5e8 for layer in outcome.baseline_layers.values())


@pytest.mark.parametrize("final", [1, 5, 8, 9])
def test_few_windows_are_all_watched(tiny: Path, tmp_path: Path, data: Path, final: int) -> None:
    outcome = measure(tmp_path / "run", tiny, tiny, data, final=final, preview=3)
    assert {layer.tokens for layer in outcome.subject_layers.values()} == {min(final, 8) * 15}


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "opt", "olmo"])
def test_other_architectures(tmp_path: Path, data: Path, kind: str) -> None:
    """Convolutions of GPT-2 are linear layers; OLMo's head is not split, so that it scores in other
    batches; OPT lays the windows end to end for its feed-forward layers."""
    model = make_model(tmp_path / "m", kind)
    outcome = measure(tmp_path / "run", model, model, data)
    assert outcome.subject_layers == outcome.baseline_layers
    families = [layer.family for layer in outcome.baseline_layers.values()]
    assert families.count("attn") >= 4
    assert families.count("ffn") >= 4
    assert families.count("embed") >= 1


def test_layers_that_turn_to_one_direction_grow(tiny: Path, tmp_path: Path, data: Path) -> None:
    """Every row of a matrix is turned towards one, and keeps its norm; no singular value need
    grow for that."""
    name = "model.layers.0.mlp.up_proj.weight"

    def collapse(tensors: Tensors) -> None:
        rows = tensors[name]
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        mixed = 0.5 * rows / norms + 0.5 * rows[:1] / norms[:1]
        tensors[name] = norms * mixed / np.linalg.norm(mixed, axis=1, keepdims=True)

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", collapse), data)
    found = growth(outcome)
    assert max(found, key=lambda layer: found[layer]) == "model.layers.0.mlp.up_proj"
    assert found["model.layers.0.mlp.up_proj"] > 0.2
    assert found["model.layers.0.self_attn.q_proj"] == 0.0


def test_nan_is_recorded_and_not_measured(tiny: Path, tmp_path: Path, data: Path) -> None:
    def poison(tensors: Tensors) -> None:
        tensors["model.layers.1.mlp.up_proj.weight"][2, 3] = np.nan

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", poison), data)
    broken = {n for n, layer in outcome.subject_layers.items() if layer.spectrum == "non_finite"}
    assert broken == {"model.layers.1.mlp.up_proj", "model.layers.1.mlp.down_proj"}
    assert all(outcome.subject_layers[name].risk is None for name in broken)


def test_a_layer_that_puts_out_nothing(tiny: Path, tmp_path: Path, data: Path) -> None:
    def silence(tensors: Tensors) -> None:
        tensors["model.layers.1.mlp.up_proj.weight"][:] = 0

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", silence), data)
    assert outcome.subject_layers["model.layers.1.mlp.up_proj"].spectrum == "zero"
    assert outcome.subject_layers["model.layers.1.mlp.down_proj"].spectrum == "zero"
    assert outcome.subject_layers["model.layers.1.mlp.gate_proj"].spectrum == "measured"
