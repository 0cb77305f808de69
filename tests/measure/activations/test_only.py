"""For every guard on activations a subject that it alone sees, by the bounds of a shipped tier.

Both arms run as in an evaluation; guards on weights look at the same models, and warnings count.
"Alone" is among all guards, less `overhead.time`, which is the machine's and not the edit's. For
measures in ``NEVER_ALONE`` there is no such subject here, for the reason given there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.evidence.blocks import block_ends
from invarlock.judge import Values, decide
from invarlock.judge.contract import contract_of
from invarlock.judge.guards import activation_values, weight_values
from invarlock.policy import load_policy
from invarlock.policy.catalogue import MEASURES
from invarlock.policy.ir import BarIR
from tests.builders import Synthetic
from tests.conftest import ROOT
from tests.measure.arms import Outcome, measure
from tests.measure.guards.test_only import direction
from tests.measure.tiny import VOCABULARY, edited, make_model

Tensors = dict[str, np.ndarray[Any, Any]]
BAR = load_policy(ROOT / "policies" / "causal_lm.invar").ir.bars["balanced"]
WIDTH, INNER = 64, 256
EMBED = "model.embed_tokens.weight"
UP = "model.layers.0.mlp.up_proj.weight"
COMMON = np.random.default_rng(41).choice([-1.0, 1.0], WIDTH) / np.sqrt(WIDTH)
"""A direction that every token has, with one sign or the other."""


def trained(found: Tensors) -> None:
    """As if trained: matrices of noise with one strong direction, tokens of two kinds, blocks that
    add to the stream and do not drown it."""
    draw = np.random.default_rng(43)
    matrices = (name for name, array in found.items() if array.ndim > 1)
    ends = block_ends(name.removesuffix(".weight") for name in matrices)
    for name, array in found.items():
        if array.ndim > 1:
            rows, columns = array.shape
            strong = 1.5 * (np.sqrt(rows) + np.sqrt(columns)) * direction(draw, rows, columns)
            size = columns if name.removesuffix(".weight") in ends else 1.0
            found[name] = ((draw.normal(size=array.shape) + strong) / size).astype(np.float32)
    kinds = 1 - 2 * (np.arange(VOCABULARY)[:, None] % 2)
    found[EMBED] = (draw.normal(size=(VOCABULARY, WIDTH)) + 4 * kinds * COMMON).astype(np.float32)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide")
    sizes = {"hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": 3}
    return edited(make_model(folder / "drawn", "llama", **sizes), folder / "model", trained)


def seen(outcome: Outcome, bar: BarIR = BAR) -> dict[str, set[str]]:
    """By guard the gates that do not pass, warnings among them."""
    evidence = Synthetic().evidence()
    schedule = evidence.header.schedule.model_copy(update={"final": 14, "preview": 6})
    evidence = replace(
        evidence,
        header=evidence.header.model_copy(update={"schedule": schedule}),
        windows=outcome.windows,
        loss=outcome.loss,
        bare=outcome.bare,
        scaled=outcome.scaled,
        overhead=outcome.overhead,
        tensors={arm: _in_order(getattr(outcome, f"{arm}_tensors")) for arm in ARMS},
        activations={arm: _in_order(getattr(outcome, f"{arm}_layers")) for arm in ARMS},
    )
    values = weight_values(evidence, contract_of(BAR)) | activation_values(evidence)
    measured = {key.measure for key in values}
    found: dict[str, set[str]] = {}
    for gate in decide(bar, Values(values)).gates:
        if gate.measure in measured and gate.verdict != "pass":
            found.setdefault(gate.measure.split(".")[0], set()).add(gate.measure)
    return found


ARMS = ("baseline", "subject")


def _in_order(records: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(records[name] for name in sorted(records))


def norm_scaled(found: Tensors) -> None:
    """What enters one feed-forward block is a fifth larger; a gated block squares that."""
    found["model.layers.1.post_attention_layernorm.weight"] *= np.float32(1.2)


def kinds_told_apart(found: Tensors) -> None:
    """Every feature of one layer leans a little on the direction that tells tokens apart."""
    signs = np.random.default_rng(47).choice([-1.0, 1.0], INNER)
    found[UP] += (0.75 * np.outer(signs, COMMON)).astype(np.float32)


ALONE: tuple[tuple[Callable[[Tensors], None], dict[str, set[str]]], ...] = (
    (norm_scaled, {"variance": {"variance.shift"}}),
    (kinds_told_apart, {"rmt": {"rmt.growth"}}),
)
NEVER_ALONE = {
    "variance.gain": "it takes a loss that blocks at the baseline's spread would lower, and these "
    "models are random: no subject was made for it",
    "overhead.metric": "guards only read: it moves where watching changes numbers, whatever the "
    "edit, and a guard that did would be broken",
}


@pytest.mark.parametrize(("edit", "found"), ALONE)
def test_an_edit_that_one_guard_alone_sees(
    baseline: Path,
    tmp_path: Path,
    data: Path,
    edit: Callable[[Tensors], None],
    found: dict[str, set[str]],
) -> None:
    outcome = measure(tmp_path / "run", baseline, edited(baseline, tmp_path / "s", edit), data)
    guards = {guard: by - {"overhead.time"} for guard, by in seen(outcome).items()}
    assert {guard: by for guard, by in guards.items() if by} == found


def test_of_a_model_too_narrow_for_its_guards_their_cost_alone_is_seen(
    tmp_path: Path, data: Path
) -> None:
    """To look at the outputs of a layer costs as many operations for each as dozens of inputs
    would; here there are eight. How many times a bare pass that is depends on the machine (6 to 20
    were seen), so the bound here is 2; and once in five runs, since any pass may be held up."""
    sizes = {"hidden_size": 8, "intermediate_size": 16384}
    narrow = make_model(tmp_path / "model", "llama", **sizes)
    bar = costing_at_most_twice(tmp_path)
    runs = (measure(tmp_path / f"run{turn}", narrow, narrow, data) for turn in range(5))
    outcome = next(one for one in runs if seen(one, bar))
    assert seen(outcome, bar) == {"overhead": {"overhead.time"}}
    times = outcome.overhead.model_copy(update={"guarded": outcome.overhead.bare})
    assert seen(replace(outcome, overhead=times), bar) == {}


def costing_at_most_twice(folder: Path) -> BarIR:
    """The shipped tier, with a tighter bound on the time that guards take."""
    shipped = (ROOT / "policies" / "causal_lm.invar").read_text()
    tightened = re.sub(r"(warn overhead\.time +<=) 8\b", r"\1 2", shipped)
    assert tightened != shipped
    path = folder / "tightened.invar"
    path.write_text(tightened)
    return load_policy(path).ir.bars["balanced"]


def test_every_measure_of_activations_has_such_a_subject_or_a_reason() -> None:
    found = {measure for _, by in ALONE for measures in by.values() for measure in measures}
    measures = {name for name, one in MEASURES.items() if one.evidence == "activations"}
    assert not found & NEVER_ALONE.keys()
    assert found | NEVER_ALONE.keys() | {"overhead.time"} == measures
