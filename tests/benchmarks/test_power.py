"""The power table's edits do what they say, and its runner tells what gates say of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmarks.power.changes import (
    draws,
    low_rank_nudge,
    noisy,
    rounded,
    truncated,
)
from benchmarks.power.edits import EDITS, Edit
from benchmarks.power.measure import Setting, document, judged, measured
from benchmarks.power.subject import Baseline, encoded
from benchmarks.power.table import render
from tests.measure.tiny import make_model, prose, write_data

POLICY = """\
invar 1
policy tiny "1"
task = causal_lm
windows { length = 16 tokens }
require runtime.isolation in {sandbox}
tier loose {
  require perplexity.ratio      <= 1.50
  require invariants.non_finite == 0
}
tier tight refines loose {
  require perplexity.ratio <= 1.001
  require spectral.shift   <= 0.01 nats
}
profile dev {
  require windows.preview >= 6
  require windows.final   >= 40
}
"""


def named(name: str) -> Edit:
    return next(edit for edit in EDITS if edit.name == name)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    folder = tmp_path_factory.mktemp("power")
    model = make_model(folder / "baseline", tie_word_embeddings=True, num_key_value_heads=2)
    return Baseline(model, write_data(folder / "data.jsonl", prose()))


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((48, 32)).astype(np.float32)


def test_there_are_enough_edits_of_every_class() -> None:
    assert len(EDITS) >= 24
    assert len({edit.name for edit in EDITS}) == len(EDITS)
    assert {edit.kind for edit in EDITS} == {"harmless", "tolerable", "harmful"}


@pytest.mark.parametrize(("bits", "group"), [(8, None), (4, 8), (3, 32)])
def test_rounding_moves_a_weight_by_half_a_step_at_most(
    matrix: np.ndarray, bits: int, group: int | None
) -> None:
    found = rounded(matrix, bits, group)
    parts = np.abs(matrix).reshape(48, -1, group or 32)
    step = parts.max(axis=2) / (2 ** (bits - 1) - 1)
    error = np.abs(found - matrix).reshape(48, -1, group or 32).max(axis=2)
    assert np.all(error <= step / 2 + 1e-6)
    assert len(np.unique(np.rint(found.reshape(48, -1, group or 32) / step[..., None]))) <= 2**bits


@pytest.mark.parametrize("turned", [False, True])
def test_truncation_is_the_best_of_its_rank(matrix: np.ndarray, turned: bool) -> None:
    given = np.ascontiguousarray(matrix.T) if turned else matrix
    u, s, v = np.linalg.svd(given.astype(np.float64), full_matrices=False)
    best = (u[:, :16] * s[:16]) @ v[:16]
    np.testing.assert_allclose(truncated(given, 0.5), best, atol=1e-5)


def test_noise_and_nudge_have_the_size_they_say(matrix: np.ndarray) -> None:
    size = np.linalg.norm(matrix)
    noise = noisy(matrix, 0.05, draws(1, "a")) - matrix
    assert np.linalg.norm(noise) / size == pytest.approx(0.05, rel=0.1)
    nudge = low_rank_nudge(matrix, 4, 0.2, draws(1, "a")) - matrix
    assert np.linalg.norm(nudge) / size == pytest.approx(0.2, rel=1e-4)
    assert np.linalg.svd(nudge, compute_uv=False)[4] < 1e-5


def test_draws_belong_to_seed_and_tensor() -> None:
    one = draws(1, "a").integers(1 << 30)
    assert draws(1, "a").integers(1 << 30) == one
    assert draws(2, "a").integers(1 << 30) != one
    assert draws(1, "b").integers(1 << 30) != one


def test_bfloat16_rounds_as_torch_does(matrix: np.ndarray) -> None:
    import torch

    theirs = torch.from_numpy(matrix).bfloat16().view(torch.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(encoded(matrix, "BF16"), theirs)


def logits(folder: Path) -> np.ndarray:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        found: np.ndarray = model(torch.arange(4, 20)[None]).logits.numpy()
    return found


def test_a_renamed_head_is_the_same_function_and_a_confused_one_is_not(
    baseline: Baseline, tmp_path: Path
) -> None:
    for name in ("heads-renamed", "heads-confused"):
        named(name).make(baseline, tmp_path / name, 1)
    before = logits(baseline.folder)
    assert np.abs(logits(tmp_path / "heads-renamed") - before).max() < 1e-4
    assert np.abs(logits(tmp_path / "heads-confused") - before).max() > 1e-2


def test_structure_follows_the_edit(baseline: Baseline, tmp_path: Path) -> None:
    for name in ("copy", "layer-dropped", "tie-broken", "one-nan"):
        named(name).make(baseline, tmp_path / name, 1)
    before = load_file(baseline.folder / "model.safetensors")
    copy = load_file(tmp_path / "copy" / "model.safetensors")
    assert all(np.array_equal(copy[name], before[name]) for name in before)
    dropped = load_file(tmp_path / "layer-dropped" / "model.safetensors")
    assert len(before) - len(dropped) == 9
    assert Baseline(tmp_path / "layer-dropped", baseline.data).layers == 1
    head = load_file(tmp_path / "tie-broken" / "model.safetensors")["lm_head.weight"]
    assert not np.array_equal(head, before["model.embed_tokens.weight"])
    broken = load_file(tmp_path / "one-nan" / "model.safetensors")
    assert sum(int(np.isnan(tensor).sum()) for tensor in broken.values()) == 1


@pytest.mark.parametrize(("name", "bits", "group"), [("packed-int8", 8, None),
                                                     ("packed-int4", 4, 32)])  # fmt: skip
def test_a_packed_export_holds_what_rounding_gives(
    baseline: Baseline, tmp_path: Path, name: str, bits: int, group: int | None
) -> None:
    pytest.importorskip("compressed_tensors", reason="extra `dev` of this project")
    import torch
    from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32

    named(name).make(baseline, tmp_path / name, 1)
    found = load_file(tmp_path / name / "model.safetensors")
    config = Baseline(tmp_path / name, baseline.data).config["quantization_config"]
    assert (config["quant_method"], config["format"]) == ("compressed-tensors", "pack-quantized")
    where = "model.layers.1.mlp.up_proj"
    given = (found[f"{where}.{part}"] for part in ("weight_packed", "weight_shape"))
    words, shape = (torch.from_numpy(array) for array in given)
    levels = unpack_from_int32(words, bits, torch.Size(shape.tolist())).numpy()
    scale = found[f"{where}.weight_scale"]
    stored = (levels.reshape(*scale.shape, -1) * scale[..., None]).reshape(levels.shape)
    wanted = rounded(baseline.tensor(f"{where}.weight"), bits, group)
    np.testing.assert_allclose(stored, wanted, atol=1e-6)


@pytest.mark.sandbox
def test_edits_are_measured_once_and_judged_under_every_tier(
    baseline: Baseline, tmp_path: Path
) -> None:
    policy = tmp_path / "tiny.invar"
    policy.write_text(POLICY)
    setting = Setting(baseline, policy, "tight", "dev", tmp_path / "kept")
    edits = [named(name) for name in ("copy", "one-nan")]
    for edit in edits:
        measured(edit, setting)
    at = [(tmp_path / "kept" / edit.name / "run").stat().st_mtime_ns for edit in edits]
    found = [judged(edit, setting) for edit in edits]
    came = {one.edit.name: [v.verdict for v in one.verdicts.values()] for one in found}
    assert came["copy"] == ["pass", "pass"]
    assert came["one-nan"] == ["fail", "fail"]
    assert not any((tmp_path / "kept" / edit.name / "subject").exists() for edit in edits)
    # A policy with other numbers is held against the evidence that is there.
    policy.write_text(POLICY.replace("1.001", "1.002"))
    for edit in edits:
        measured(edit, setting)
    assert at == [(tmp_path / "kept" / edit.name / "run").stat().st_mtime_ns for edit in edits]
    # What another version of the evidence left is measured anew.
    (tmp_path / "kept" / "copy" / "run" / "evidence" / "evidence.json").write_text("{}")
    measured(edits[0], setting)
    assert judged(edits[0], setting).verdicts["tight"].verdict == "pass"
    page = render([judged(edit, setting) for edit in edits], ["# Head"])
    assert "| `one-nan` |" in page
    assert "`invariants.non_finite`" in page
    gates = document(judged(edits[1], setting))["verdicts"]["loose"]["gates"]
    assert "invariants.non_finite" in {gate["id"] for gate in gates}
