"""The edits: as large as they are said to be, and no larger."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from demo_cache import made_once
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from make_subjects import (
    EMBEDDING,
    careful,
    careless,
    edited_copy,
    int8_rounded,
    into_hub_layout,
    pruned,
    row_overwriter,
    snapshot_of,
)
from safetensors import safe_open
from tensor_stream import write_float32

MATRIX = "model.layers.3.self_attn.q_proj.weight"
numbers = st.floats(-4, 4, width=32)
matrices = arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 40)), elements=numbers)


@given(matrices)
def test_int8_moves_no_weight_by_more_than_half_a_step(weight: np.ndarray) -> None:
    rounded = int8_rounded(weight)
    step = np.abs(weight).max(axis=1, keepdims=True) / 127
    # float32 division and product may add a few units in the last place
    assert (np.abs(rounded - weight) <= step * (0.5 + 1e-4) + 1e-38).all()


@given(matrices)
def test_int8_has_at_most_255_values_a_row(weight: np.ndarray) -> None:
    assert all(len(np.unique(row)) <= 255 for row in int8_rounded(weight))
    assert int8_rounded(weight).dtype == np.float32


def test_int8_is_idempotent_but_for_rounding_and_really_rounds() -> None:
    weight = np.random.default_rng(1).normal(size=(8, 64)).astype(np.float32)
    once = int8_rounded(weight)
    assert not np.array_equal(once, weight)
    np.testing.assert_allclose(int8_rounded(once), once, rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_pruning_zeroes_the_share_smallest_in_magnitude(share: float) -> None:
    weight = np.random.default_rng(2).normal(size=(32, 50)).astype(np.float32)
    cut = pruned(weight, share)
    assert (cut == 0).sum() == int(share * weight.size)
    kept = np.abs(weight[cut != 0])
    gone = np.abs(weight[cut == 0])
    assert not kept.size or not gone.size or kept.min() > gone.max()
    np.testing.assert_array_equal(cut[cut != 0], weight[cut != 0])


def test_pruning_takes_ties_too() -> None:
    weight = np.array([[1, -1, 1, 2, 3, -4, 5, 6, 7, 8]], dtype=np.float32)
    assert (pruned(weight, 0.2) == 0).sum() == 3


@pytest.mark.parametrize("edit", [careful, careless])
def test_embedding_and_norms_stay(edit: object) -> None:
    assert callable(edit)
    weight = np.random.default_rng(3).normal(size=(8, 8)).astype(np.float32)
    for name in (EMBEDDING, "model.norm.weight", "model.layers.0.input_layernorm.weight"):
        assert edit(name, weight) is weight
    assert not np.array_equal(edit(MATRIX, weight), weight)


def test_the_sly_edit_is_the_careful_one_and_one_row() -> None:
    weight = np.random.default_rng(4).normal(size=(8, 8)).astype(np.float32)
    edit = row_overwriter(2, 5)
    changed = edit(EMBEDDING, weight)
    assert [i for i in range(8) if not np.array_equal(changed[i], weight[i])] == [2]
    np.testing.assert_array_equal(changed[2], weight[5])
    np.testing.assert_array_equal(edit(MATRIX, weight), careful(MATRIX, weight))


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    folder = tmp_path / "baseline"
    folder.mkdir()
    rng = np.random.default_rng(5)
    weights = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in ((EMBEDDING, (12, 4)), (MATRIX, (4, 4)), ("model.norm.weight", (4,)))
    }
    shapes = {name: weight.shape for name, weight in weights.items()}
    write_float32(folder / "model.safetensors", shapes, weights.items())
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


def test_a_copy_has_every_file_and_every_tensor(baseline: Path, tmp_path: Path) -> None:
    edited_copy(baseline, tmp_path / "copy", careful, "copy")
    assert (tmp_path / "copy" / "config.json").read_text(encoding="utf-8") == "{}"
    with (
        safe_open(baseline / "model.safetensors", framework="np") as before,
        safe_open(tmp_path / "copy" / "model.safetensors", framework="np") as after,
    ):
        assert sorted(before.keys()) == sorted(after.keys())
        for name in before.keys():  # noqa: SIM118 - the handle is no mapping
            expected = careful(name, before.get_tensor(name))
            np.testing.assert_array_equal(after.get_tensor(name), expected)


def test_hub_layout_is_a_snapshot_of_relative_links(baseline: Path) -> None:
    before = {path.name: path.read_bytes() for path in baseline.iterdir()}
    snapshot = into_hub_layout(baseline, "demo/careful")
    assert snapshot == snapshot_of(baseline)
    assert [path.name for path in baseline.iterdir()] == ["models--demo--careful"]
    assert len(snapshot.name) == 40
    assert int(snapshot.name, 16) >= 0
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == before
    for path in snapshot.iterdir():
        target = os.readlink(path)
        assert target.startswith("../../blobs/")
        assert (snapshot / target).is_file()
        assert not (snapshot / target).is_symlink()


def test_a_folder_is_made_once_and_again_when_touched(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(partial: Path) -> None:
        calls.append(partial)
        (partial / "file").write_text("content", encoding="utf-8")

    folder = tmp_path / "made"
    assert made_once(folder, {"version": "1"}, make)
    assert not made_once(folder, {"version": "1"}, make)
    (folder / "file").write_text("tampered", encoding="utf-8")
    assert made_once(folder, {"version": "1"}, make)
    assert (folder / "file").read_text(encoding="utf-8") == "content"
    assert made_once(folder, {"version": "2"}, make)
    assert len(calls) == 3
    assert json.loads((tmp_path / "made.stamp.json").read_text())["recipe"] == {"version": "2"}


def test_a_half_made_folder_does_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "made"

    def broken(partial: Path) -> None:
        (partial / "half").touch()
        raise OSError(28, "no space left on device")

    with pytest.raises(OSError, match="no space"):
        made_once(folder, {}, broken)
    assert not folder.exists()
    assert made_once(folder, {}, lambda partial: (partial / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
