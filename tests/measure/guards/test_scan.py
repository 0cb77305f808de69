"""The scan of stored tensors: ln σ₁ against a full decomposition, what is not finite, memory."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from math import log, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from invarlock.artifacts.model_files import open_model
from invarlock.artifacts.safetensors_header import DTYPE_BYTES, TensorEntry
from invarlock.canonical import NANO
from invarlock.evidence.schema import Tensor
from invarlock.measure.guards import blocks
from invarlock.measure.guards.scan import scan_in_threads, scan_model, scan_weight
from invarlock.measure.weights import stored
from invarlock.measure.weights.model import weights_of
from invarlock.measure.weights.stored import StoredWeight, decode
from tests.measure.arms import contract

Array = np.ndarray[Any, Any]


def scan(raw: bytes, dtype: str, shape: tuple[int, ...]) -> Tensor:
    entry = TensorEntry("t", dtype, shape, 0, prod(shape) * DTYPE_BYTES[dtype])
    weight = StoredWeight(entry, lambda part: bytearray(raw[part.start : part.end]))
    return scan_weight(weight, None, contract())


def scan_f32(array: Array) -> Tensor:
    return scan(array.astype("<f4").tobytes(), "F32", array.shape)


def top(array: Array) -> float:
    return float(np.linalg.svd(array.astype(np.float64), compute_uv=False)[0])


def close_pair(rows: int, columns: int, ratio: float, seed: int) -> Array:
    """A matrix with σ₁/σ₂ = ``ratio``, where power iteration is slow."""
    draw = np.random.default_rng(seed)
    side = min(rows, columns)
    left, _ = np.linalg.qr(draw.normal(size=(rows, side)))
    right, _ = np.linalg.qr(draw.normal(size=(columns, side)))
    values = np.sort(draw.uniform(0.0, 1.0, side))[::-1]
    values[0] = ratio * values[1]
    return ((left * values) @ right.T).astype(np.float32)


@pytest.mark.parametrize("shape", [(40, 24), (24, 40), (32, 32), (1, 9), (9, 1), (700, 64)])
@pytest.mark.parametrize("ratio", [1.0000001, 1.001, 1.006, 1.5])
def test_sigma_is_good_to_1e_9_whatever_the_gap(shape: tuple[int, int], ratio: float) -> None:
    array = close_pair(*shape, ratio, seed=int(ratio * 1000)) if min(shape) > 1 else np.ones(shape)
    record = scan_f32(array)
    assert record.spectrum == "measured"
    assert record.log_sigma is not None
    assert abs(record.log_sigma - log(top(array)) * NANO) < 10


@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from([1e-30, 1e-6, 1.0, 1e30]),
    st.integers(0, 9),
)
def test_sigma_of_any_matrix(rows: int, columns: int, scale: float, seed: int) -> None:
    array = (np.random.default_rng(seed).normal(size=(rows, columns)) * scale).astype(np.float32)
    record = scan_f32(array)
    assert record.log_sigma is not None
    assert abs(record.log_sigma - log(top(array)) * NANO) < 10
    assert record.log_norm is not None
    norm = float(np.linalg.norm(array.astype(np.float64)))
    assert abs(record.log_norm - log(norm) * NANO) < 10


def test_blocks_change_no_digit_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    tall, wide = np.random.default_rng(1).normal(size=(2, 90, 70))
    whole = scan_f32(tall[:, :30]), scan_f32(wide[:30])
    monkeypatch.setattr(blocks, "BLOCK", 256)
    pieces = scan_f32(tall[:, :30]), scan_f32(wide[:30])
    for one, two in zip(whole, pieces, strict=True):
        assert one.log_sigma is not None
        assert two.log_sigma is not None
        assert abs(one.log_sigma - two.log_sigma) <= 1


@pytest.mark.parametrize("kept", [1, 20, 60])
def test_columns_read_some_at_a_time_change_no_digit(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    wide = np.random.default_rng(1).normal(size=(30, 70))
    monkeypatch.setattr(blocks, "BLOCK", 30 * 7)
    whole = scan_f32(wide)
    monkeypatch.setattr(stored, "PANEL", kept * wide.shape[0] * 4)
    assert scan_f32(wide) == whole


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (torch.float32, "F32"),
        (torch.float64, "F64"),
        (torch.float16, "F16"),
        (torch.bfloat16, "BF16"),
        (torch.int8, "I8"),
        (torch.int64, "I64"),
        (torch.uint8, "U8"),
        (torch.bool, "BOOL"),
    ],
)
def test_every_dtype_is_decoded(dtype: torch.dtype, name: str) -> None:
    tensor = (torch.randn(20, 12, generator=torch.Generator().manual_seed(3)) * 20).to(dtype)
    raw = tensor.view(torch.uint8) if dtype == torch.bool else tensor.view(torch.int8)
    record = scan(raw.numpy().tobytes(), name, (20, 12))
    assert record.log_sigma is not None
    assert abs(record.log_sigma - log(top(tensor.double().numpy())) * NANO) < 10


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("F8_E4M3", torch.float8_e4m3fn),
        ("F8_E5M2", torch.float8_e5m2),
        ("F8_E8M0", torch.float8_e8m0fnu),
    ],
)
def test_every_eight_bit_float_is_decoded(name: str, dtype: torch.dtype) -> None:
    codes = torch.arange(256, dtype=torch.uint8)
    expected = codes.view(dtype).float().double().numpy()
    found = decode(codes.numpy().tobytes(), name)
    assert np.array_equal(found, expected, equal_nan=True)
    assert scan(bytes(range(1, 9)), name, (2, 4)).spectrum == "measured"


@pytest.mark.parametrize("value", [1e200, 1e-200, 1.0])
def test_squares_of_float64_do_not_overflow(value: float) -> None:
    array = np.random.default_rng(4).normal(size=(12, 8)) * value
    record = scan(array.tobytes(), "F64", (12, 8))
    assert record.log_sigma is not None
    assert abs(record.log_sigma - log(top(array)) * NANO) < 10


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (50,)])
def test_what_is_not_finite_is_counted_in_every_dtype(shape: tuple[int, ...], bad: float) -> None:
    array = np.ones(shape, np.float32)
    assert scan_f32(array).non_finite == 0
    array.reshape(-1)[[3, 17]] = bad
    record = scan_f32(array)
    assert (record.non_finite, record.spectrum, record.log_sigma) == (2, "non_finite", None)
    half = torch.from_numpy(array).to(torch.bfloat16).view(torch.int8).numpy().tobytes()
    assert scan(half, "BF16", shape).non_finite == 2
    double = array.astype(np.float64).tobytes()
    assert scan(double, "F64", shape).non_finite == 2


def test_what_has_no_spectrum_says_so() -> None:
    assert scan_f32(np.zeros((4, 3))).spectrum == "zero"
    assert scan_f32(np.ones(5)).spectrum == "vector"
    assert scan_f32(np.ones(())).spectrum == "vector"
    assert scan_f32(np.ones((0, 3))).spectrum == "vector"
    assert scan_f32(np.ones((3, 0))).spectrum == "vector"


def test_a_stack_of_matrices_is_read_as_one() -> None:
    array = np.random.default_rng(5).normal(size=(3, 10, 6)).astype(np.float32)
    record = scan_f32(array)
    assert record.shape == (3, 10, 6)
    assert record.log_sigma is not None
    assert abs(record.log_sigma - log(top(array.reshape(30, 6))) * NANO) < 10


def write(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    save_file(tensors, folder / "model.safetensors")
    return folder


def test_threads_give_the_same_records_in_order_of_names(tmp_path: Path) -> None:
    made = torch.Generator().manual_seed(6)
    tensors = {f"t{n}.weight": torch.randn(40, 30 + n, generator=made) for n in range(12)}
    with open_model(write(tmp_path / "m", tensors)) as files:
        weights = weights_of(files)
        one = scan_model(weights, contract(), weights)
        with ThreadPoolExecutor(4) as pool:
            futures = scan_in_threads(pool, weights, contract(), weights)
            many = tuple(future.result() for future in futures)
    assert one == many
    assert [record.name for record in one] == sorted(tensors)


def test_memory_stays_below_the_largest_tensor(tmp_path: Path) -> None:
    largest = 4 * 60_000 * 96
    tensors = {f"t{n}.weight": torch.ones(60_000, 96) * n for n in range(1, 4)}
    with open_model(write(tmp_path / "m", tensors)) as files:
        weights = weights_of(files)
        scan_model(weights, contract(), weights)
        tracemalloc.start()
        scan_model(weights, contract(), weights)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < largest
