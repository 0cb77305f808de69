"""For every measure of weights an edit that its guard alone sees, by the bounds of a shipped tier.

The edits are made on stored tensors, which go through the scan and the judge as in a run; warnings
count. "Alone" is among the guards on weights: these tensors are no model that could run, so that
the guards on activations do not look, nor do losses. A guard may see an edit by several of its
measures. `invariants.dtype` is in no shipped tier and is asked for beside one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from invarlock.artifacts.model_files import open_model
from invarlock.evidence.schema import Contract, Tensor
from invarlock.judge import Values, decide
from invarlock.judge.contract import contract_of
from invarlock.judge.guards import weight_values
from invarlock.measure.guards.scan import scan_model
from invarlock.measure.weights.model import weights_of
from invarlock.policy import load_policy
from invarlock.policy.catalogue import MEASURES
from tests.builders import Synthetic
from tests.conftest import ROOT

Array = np.ndarray[Any, Any]
Tensors = dict[str, Array]
SHIPPED = load_policy(ROOT / "policies" / "causal_lm.invar").ir.bars["balanced"]
TIED = next(gate for gate in SHIPPED.gates if gate.measure == "invariants.tied")
BAR = replace(SHIPPED, gates=(*SHIPPED.gates, replace(TIED, measure="invariants.dtype")))
CONTRACT: Contract = contract_of(BAR)
LAYERS, WIDTH, INNER, VOCABULARY, HEAD = 8, 64, 256, 400, 16
EMBED, UP, QUERY = (
    "model.embed_tokens.weight",
    "model.layers.3.mlp.up_proj.weight",
    "model.layers.3.self_attn.q_proj.weight",
)


def matrix(draw: np.random.Generator, rows: int, columns: int) -> Array:
    """Noise, and one strong direction, as trained matrices have; rows and columns of one size."""
    strong = 4 * (np.sqrt(rows) + np.sqrt(columns))
    found = draw.normal(size=(rows, columns)) + strong * direction(draw, rows, columns)
    for _ in range(10):
        found *= np.sqrt(columns) / np.linalg.norm(found, axis=1, keepdims=True)
        found *= np.sqrt(rows) / np.linalg.norm(found, axis=0, keepdims=True)
    return found.astype(np.float32)


def direction(draw: np.random.Generator, rows: int, columns: int) -> Array:
    """A matrix of one singular value, which is 1, spread evenly over rows and columns."""
    left, right = draw.choice([-1.0, 1.0], (rows, 1)), draw.choice([-1.0, 1.0], (1, columns))
    return left @ right / np.sqrt(rows * columns)


def tensors() -> Tensors:
    """Of a model, as float16 can hold them."""
    draw = np.random.default_rng(31)
    embed = matrix(draw, VOCABULARY, WIDTH)
    found = {EMBED: embed, "lm_head.weight": embed.copy()}
    for layer in range(LAYERS):
        place = f"model.layers.{layer}"
        found[f"{place}.self_attn.q_proj.weight"] = matrix(draw, WIDTH, WIDTH)
        found[f"{place}.mlp.up_proj.weight"] = matrix(draw, INNER, WIDTH)
        found[f"{place}.input_layernorm.weight"] = draw.uniform(1, 2, WIDTH).astype(np.float32)
    return {name: array.astype(np.float16).astype(np.float32) for name, array in found.items()}


def scanned(
    folder: Path, before: Tensors, after: Tensors
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The records of both arms, out of two folders."""
    for name, arm in (("before", before), ("after", after)):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text('{"model_type": "llama"}')
        whole = {key: np.ascontiguousarray(array) for key, array in arm.items()}
        save_file(whole, folder / name / "model.safetensors")
    with open_model(folder / "before") as one, open_model(folder / "after") as two:
        base, subject = weights_of(one), weights_of(two)
        return scan_model(base, CONTRACT), scan_model(subject, CONTRACT, base)


def outcomes(
    baseline: tuple[Tensor, ...], subject: tuple[Tensor, ...], ids: int = VOCABULARY
) -> dict[str, set[str]]:
    """By guard the gates on weights that do not pass; the subject's tokenizer gives ``ids``."""
    records: dict[Any, tuple[Tensor, ...]] = {"baseline": baseline, "subject": subject}
    evidence = replace(Synthetic().evidence(), tensors=records)
    arm = evidence.header.subject
    assert arm.tokenizer is not None
    arm = arm.model_copy(update={"tokenizer": arm.tokenizer.model_copy(update={"ids": ids})})
    header = evidence.header.model_copy(update={"subject": arm})
    evidence = replace(evidence, header=header)
    values = weight_values(evidence, CONTRACT)
    measured = {key.measure for key in values}
    found: dict[str, set[str]] = {}
    for gate in decide(BAR, Values(values)).gates:
        if gate.measure in measured and gate.verdict != "pass":
            found.setdefault(gate.measure.split(".")[0], set()).add(gate.measure)
    return found


# --- edits ---------------------------------------------------------------------------------------


def nothing(_: Tensors) -> None:
    """Null."""


def rounded(found: Tensors) -> None:
    """int8 by rows, everywhere: harmless."""
    for name, array in found.items():
        if array.ndim > 1:
            step = np.abs(array).max(axis=1, keepdims=True) / np.float32(127)
            found[name] = np.rint(array / step) * step


def nan_in_a_norm(found: Tensors) -> None:
    found["model.layers.2.input_layernorm.weight"][5] = np.nan


def tensor_lost(found: Tensors) -> None:
    del found["model.layers.2.input_layernorm.weight"]


def tie_broken(found: Tensors) -> None:
    found["lm_head.weight"] = found["lm_head.weight"] * np.float32(1.001)


def matrix_scaled(found: Tensors) -> None:
    found[UP] = found[UP] * np.float32(1.5)


def family_scaled(found: Tensors) -> None:
    """Each by less than `spectral.shift` allows; together they are no chance."""
    for name in found:
        if name.endswith("q_proj.weight"):
            found[name] = found[name] * np.float32(1.05)


def directions_planted(found: Tensors) -> None:
    """Two, below the strongest direction and beyond the bulk."""
    draw, array = np.random.default_rng(8), found[UP].astype(np.float64)
    size = float(np.median(np.abs(array))) / 0.6745  # what the bulk's noise is, if normal
    for _ in range(2):
        planted = direction(draw, *array.shape)
        array = array + 1.4 * size * (np.sqrt(INNER) + np.sqrt(WIDTH)) * planted
    found[UP] = array.astype(np.float32)


def heads_exchanged(found: Tensors) -> None:
    query = found[QUERY].copy()
    found[QUERY][:HEAD], found[QUERY][HEAD : 2 * HEAD] = query[HEAD : 2 * HEAD], query[:HEAD]


def rows_permuted(found: Tensors) -> None:
    found[UP] = found[UP][np.random.default_rng(9).permutation(INNER)]


def columns_permuted(found: Tensors) -> None:
    found[UP] = found[UP][:, np.random.default_rng(9).permutation(WIDTH)]


def row_written_over(found: Tensors) -> None:
    found[EMBED][17] = found["lm_head.weight"][17] = found[EMBED][18]


def row_scaled(found: Tensors) -> None:
    for name in (EMBED, "lm_head.weight"):
        found[name][17] *= np.float32(1.5)


def stored_otherwise(found: Tensors) -> None:
    """The same numbers, in half the bytes."""
    found[UP] = found[UP].astype(np.float16)


def norm_doubled(found: Tensors) -> None:
    found["model.layers.2.input_layernorm.weight"] *= np.float32(2)


def row_shrunk_with_its_matrix(found: Tensors) -> None:
    """All by as much as `spectral.shift` allows, one row by more, yet not by `rows.norm`."""
    found[UP] *= np.float32(np.exp(-0.09))
    found[UP][17] *= np.float32(np.exp(-0.2))


def column_shrunk(found: Tensors) -> None:
    found[UP][:, 17] *= np.float32(np.exp(-0.3))


def bulk_grown(found: Tensors) -> None:
    """All but the strongest direction."""
    left, sizes, right = np.linalg.svd(found[UP].astype(np.float64), full_matrices=False)
    sizes[1:] *= 1.2
    found[UP] = ((left * sizes) @ right).astype(np.float32)


ALONE: tuple[tuple[str, Callable[[Tensors], None], set[str]], ...] = (
    ("invariants", nan_in_a_norm, {"invariants.non_finite", "invariants.vectors"}),
    ("invariants", tensor_lost, {"invariants.structure", "invariants.vectors"}),
    ("invariants", tie_broken, {"invariants.tied"}),
    ("invariants", stored_otherwise, {"invariants.dtype"}),
    ("invariants", norm_doubled, {"invariants.vectors"}),
    ("spectral", matrix_scaled, {"spectral.shift"}),
    ("spectral", family_scaled, {"spectral.caps"}),
    ("spectral", bulk_grown, {"spectral.stable_rank"}),
    ("spectral", row_shrunk_with_its_matrix, {"spectral.rows"}),
    ("spectral", column_shrunk, {"spectral.columns"}),
    ("rmt", directions_planted, {"rmt.outliers"}),
    ("rows", heads_exchanged, {"rows.turned"}),
    ("rows", rows_permuted, {"rows.turned"}),
    ("rows", columns_permuted, {"rows.turned"}),
    ("rows", row_written_over, {"rows.turned"}),
    ("rows", row_scaled, {"rows.norm"}),
)


@pytest.mark.parametrize(
    ("guard", "edit", "measures"), ALONE, ids=[edit.__name__ for _, edit, _ in ALONE]
)
def test_an_edit_that_one_guard_alone_sees(
    guard: str, edit: Callable[[Tensors], None], measures: set[str], tmp_path: Path
) -> None:
    after = tensors()
    edit(after)
    found = outcomes(*scanned(tmp_path, tensors(), after))
    assert found == {guard: measures}


@pytest.mark.parametrize("edit", [nothing, rounded])
def test_no_guard_sees_what_is_harmless(edit: Callable[[Tensors], None], tmp_path: Path) -> None:
    after = tensors()
    edit(after)
    assert outcomes(*scanned(tmp_path, tensors(), after)) == {}


def test_a_token_without_a_row_is_seen_by_the_invariants_alone(tmp_path: Path) -> None:
    records = scanned(tmp_path, tensors(), tensors())
    assert outcomes(*records, ids=VOCABULARY + 1) == {"invariants": {"invariants.vocabulary"}}
    assert outcomes(*records) == {}


def test_every_measure_of_weights_has_such_an_edit() -> None:
    seen = {measure for _, _, measures in ALONE for measure in measures}
    weights = {name for name, measure in MEASURES.items() if "tensors" in measure.evidence}
    assert seen | {"invariants.vocabulary"} == weights
