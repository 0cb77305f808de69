"""Null edits: small, drawn from a seed, measured like any subject, and nothing is written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from invarlock.artifacts.model_files import open_model
from invarlock.artifacts.safetensors_header import TensorEntry
from invarlock.canonical import NANO
from invarlock.measure.arm import run_arm
from invarlock.measure.job import NullEdit, NullKind
from invarlock.measure.null.changes import SHARE, Change, decode, encode
from invarlock.measure.null.folder import null_model
from tests.measure.arms import HANDED_OVER, job, lay_out
from tests.measure.tiny import make_model, prose, write_data

KINDS: tuple[NullKind, ...] = ("cast", "noise", "reorder")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("null") / "baseline")


def weights(folder: Path) -> dict[str, np.ndarray]:
    with open_model(folder) as files:
        return {
            name: decode(files.read(name), entry.dtype).reshape(entry.shape)
            for name, entry in files.tensors.items()
        }


def entries(**shapes: tuple[int, ...]) -> dict[str, TensorEntry]:
    names = {name.replace("__", "."): shape for name, shape in shapes.items()}
    return {name: TensorEntry(name, "F32", shape, 0, 0) for name, shape in names.items()}


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32", "F64"])
def test_what_a_dtype_holds_survives_encoding(dtype: str) -> None:
    numbers = np.array([0.0, 1.0, -2.5, 2.0**-14, 1.5 * 2**10, np.inf, np.nan])
    np.testing.assert_array_equal(decode(encode(numbers, dtype), dtype), numbers)


def test_bfloat16_rounds_half_to_even() -> None:
    numbers = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20])
    assert decode(encode(numbers, "BF16"), "BF16").tolist() == [1.0, 1 + 2**-6, 1 + 2**-7]


@pytest.mark.parametrize("kind", KINDS)
def test_a_null_edit_is_small_and_drawn_from_its_seed(folder: Path, kind: NullKind) -> None:
    before = weights(folder)
    found = []
    for seed in (1, 1, 2):
        with null_model(folder, NullEdit(kind=kind, seed=seed)) as (made, applied):
            assert applied == kind
            found.append(weights(made))
    one, again, other = found
    assert all(np.array_equal(one[name], again[name]) for name in before)
    assert any(not np.array_equal(one[name], other[name]) for name in before)
    for name, was in before.items():
        if was.ndim < 2:
            np.testing.assert_array_equal(one[name], was)
        elif kind == "reorder":
            assert sorted(one[name].ravel()) == sorted(was.ravel())
        else:
            # Bfloat16 rounds by 2**-8 at most; noise is rounded once more, to float32.
            share = SHARE if kind == "noise" else 2 * SHARE
            assert np.all(np.abs(one[name] - was) <= share * np.abs(was) * (1 + 1e-5) + 1e-7)


def test_nothing_is_left_behind(folder: Path) -> None:
    with null_model(folder, NullEdit(kind="noise", seed=1)) as (made, _):
        shard = made / "model.safetensors"
        assert os.readlink(shard).startswith("/proc/self/fd/")
        assert shard.exists()
    assert not made.exists()


def test_units_are_reordered_in_both_matrices_alike() -> None:
    tensors = entries(
        m__mlp__up_proj__weight=(6, 3), m__mlp__gate_proj__weight=(6, 3),
        m__mlp__up_proj__bias=(6,), m__mlp__down_proj__weight=(3, 6),
    )  # fmt: skip
    change = Change(NullEdit(kind="reorder", seed=4), tensors)
    units = np.arange(6, dtype="<f4")

    def reordered(name: str, given: np.ndarray) -> np.ndarray:
        return np.frombuffer(change(name, given.tobytes()) or b"", "<f4").reshape(given.shape)

    rows = reordered("m.mlp.up_proj.weight", np.repeat(units[:, None], 3, axis=1))
    order = rows[:, 0]
    assert sorted(order) == list(units)
    assert list(order) != list(units)
    gate = reordered("m.mlp.gate_proj.weight", np.repeat(units[:, None], 3, axis=1))
    down = reordered("m.mlp.down_proj.weight", np.repeat(units[None], 3, axis=0))
    assert gate[:, 0].tolist() == down[0].tolist() == order.tolist()
    assert reordered("m.mlp.up_proj.bias", units).tolist() == order.tolist()


@pytest.mark.parametrize("tensors", [
    entries(m__body__weight=(6, 3)),
    entries(m__fc1__weight=(6, 3), m__fc2__weight=(3, 5)),
    entries(m__fc1__weight=(6, 3), m__fc2__weight=(3, 6), m__inner_norm__weight=(6,)),
])  # fmt: skip
def test_where_units_are_not_known_there_is_noise_instead(tensors: dict[str, TensorEntry]) -> None:
    assert Change(NullEdit(kind="reorder", seed=1), tensors).kind == "noise"


def test_a_model_in_bfloat16_is_not_cast() -> None:
    tensors = {"w": TensorEntry("w", "BF16", (2, 2), 0, 8)}
    assert Change(NullEdit(kind="cast", seed=1), tensors).kind == "noise"


@pytest.mark.parametrize("kind", KINDS)
def test_the_arms_measure_it_as_a_subject(folder: Path, tmp_path: Path, kind: NullKind) -> None:
    data = write_data(tmp_path / "data.jsonl", prose())
    first = lay_out(tmp_path / "baseline", {"model": folder, "data.jsonl": data})
    run_arm(job("baseline"), first)
    links = {"model": folder, "baseline": folder, "data.jsonl": data}
    links |= {name: first.out / name for name in HANDED_OVER}
    second = lay_out(tmp_path / "subject", links)
    answer = run_arm(job("subject", null=NullEdit(kind=kind, seed=3)), second)
    assert answer.null == kind
    before = np.fromfile(first.out / "baseline.i64", "<i8")
    after = np.fromfile(second.out / "subject.i64", "<i8").reshape(4, -1)[0]
    moved = np.abs(after - before)
    assert 0 < moved.mean() < 0.02 * NANO
    norms = [
        [tensor["log_norm"] for tensor in json.loads((at.out / f"{arm}.tensors.json").read_bytes())]
        for at, arm in ((first, "baseline"), (second, "subject"))
    ]
    # Sums in another order leave what is stored alone; the other kinds do not.
    assert (norms[0] == norms[1]) == (kind == "reorder")
