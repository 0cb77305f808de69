"""Rows and columns against the baseline's: what turns them, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from math import log, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.artifacts.model_files import open_model
from invarlock.artifacts.safetensors_header import DTYPE_BYTES, TensorEntry
from invarlock.canonical import NANO
from invarlock.evidence.schema import CHANGE_LIMIT, NORM_LIMIT, Drift, Tensor
from invarlock.evidence.tensors import check_tensors
from invarlock.measure.guards import blocks
from invarlock.measure.guards.scan import scan_weight
from invarlock.measure.weights.model import weights_of
from invarlock.measure.weights.stored import StoredWeight
from tests.measure.arms import contract

Array = np.ndarray[Any, Any]
DRAW = np.random.default_rng(12)
TALL = DRAW.standard_t(5, size=(300, 96)).astype(np.float32)
WIDE = np.ascontiguousarray(TALL.T)


def stored(array: Array, dtype: str = "F32") -> StoredWeight:
    raw = array.tobytes()
    entry = TensorEntry("t", dtype, array.shape, 0, prod(array.shape) * DTYPE_BYTES[dtype])
    return StoredWeight(entry, lambda part: bytearray(raw[part.start : part.end]))


def beside(before: Array, after: Array, dtype: str = "F32") -> Tensor:
    return scan_weight(stored(after, dtype), stored(before, dtype), contract())


def drift(before: Array, after: Array) -> Drift:
    found = beside(before, after).drift
    assert found is not None
    return found


def rounded(array: Array, bits: int) -> Array:
    top = 2 ** (bits - 1) - 1
    step = np.abs(array).max(axis=1, keepdims=True) / top
    return (np.rint(array / step) * step).astype(np.float32)


def pruned(array: Array) -> Array:
    return np.where(np.abs(array) <= np.median(np.abs(array)), np.float32(0), array)


def noisy(array: Array) -> Array:
    return (array + 0.05 * array.std() * DRAW.normal(size=array.shape)).astype(np.float32)


HARMLESS: dict[str, Callable[[Array], Array]] = {
    "nothing": lambda array: array,
    "half": lambda array: array.astype(np.float16).astype(np.float32),
    "int8": lambda array: rounded(array, 8),
    "int4": lambda array: rounded(array, 4),
    "int3": lambda array: rounded(array, 3),
    "pruned": pruned,
    "noise": noisy,
    "scaled": lambda array: array * np.float32(1.7),
}


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("before", [TALL, WIDE], ids=["tall", "wide"])
def test_rounding_pruning_noise_and_scaling_turn_nothing(before: Array, name: str) -> None:
    found = drift(before, HARMLESS[name](before))
    assert (found.turned_rows, found.turned_columns) == (0, 0)


@pytest.mark.parametrize("before", [TALL, WIDE], ids=["tall", "wide"])
def test_rows_that_change_places_turn_and_leave_the_spectrum(before: Array) -> None:
    after = before.copy()
    after[[3, 40]] = before[[40, 3]]
    record, alone = beside(before, after), beside(before, before)
    assert record.drift is not None
    assert record.drift.turned_rows == 2
    assert record.drift.cosine < NANO // 2
    assert record.log_sigma is not None
    assert alone.log_sigma is not None
    assert abs(record.log_sigma - alone.log_sigma) < 10
    assert record.outliers == alone.outliers
    assert drift(after, before).turned_rows == 2


@pytest.mark.parametrize("before", [TALL, WIDE], ids=["tall", "wide"])
def test_columns_that_change_places_turn(before: Array) -> None:
    after = before.copy()
    after[:, [3, 40, 17]] = before[:, [40, 17, 3]]
    found = drift(before, after)
    assert found.turned_columns == 3
    every = drift(before, before[:, ::-1].copy())
    assert every.turned_columns > 90
    assert every.turned_rows > 0.9 * len(before)


def test_one_row_written_over_in_a_rounded_matrix() -> None:
    after = rounded(TALL, 8)
    after[7] = after[8]
    assert drift(TALL, after).turned_rows == 1


def test_a_row_that_vanishes_or_appears_turns() -> None:
    less = TALL.copy()
    less[5] = 0
    gone, back = drift(TALL, less), drift(less, TALL)
    assert gone.turned_rows == back.turned_rows == 1
    assert (gone.row_low, gone.cosine) == (-NORM_LIMIT, 0)
    assert back.row_low == back.row_high == 0, "nothing to compare a norm with"
    dead = drift(less, less)
    assert (dead.turned_rows, dead.cosine) == (0, NANO)


def test_rows_that_are_tiny_in_both_arms_are_left_out() -> None:
    before = TALL.copy()
    before[5] *= np.float32(1e-3)
    after = before.copy()
    after[5] = before[5, ::-1] * np.float32(0.1)
    found = drift(before, after)
    assert (found.turned_rows, found.row_low, found.cosine) == (0, 0, NANO)


def test_extremes_of_norms() -> None:
    after = TALL.copy()
    after[5] *= np.float32(0.25)
    after[9] *= np.float32(4)
    after[:, 11] *= np.float32(0.5)
    found = drift(TALL, after)
    before, now = TALL.astype(np.float64), after.astype(np.float64)
    ratios = np.linalg.norm(now, axis=1) / np.linalg.norm(before, axis=1)
    columns = np.linalg.norm(now, axis=0) / np.linalg.norm(before, axis=0)
    for measured, expected in (
        (found.row_low, ratios.min()),
        (found.row_high, ratios.max()),
        (found.column_low, columns.min()),
        (found.column_high, columns.max()),
    ):
        assert abs(measured - log(expected) * NANO) < 10
    assert found.turned_rows == 0


def test_blocks_change_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    after = rounded(TALL, 4)[DRAW.permutation(len(TALL))]
    whole = drift(TALL, after), drift(WIDE, np.ascontiguousarray(after.T))
    monkeypatch.setattr(blocks, "BLOCK", 500)
    pieces = drift(TALL, after), drift(WIDE, np.ascontiguousarray(after.T))
    for one, two in zip(whole, pieces, strict=True):
        for name, value in one.model_dump().items():
            assert abs(value - getattr(two, name)) <= 1, name


def test_float64_beyond_what_squares_can_hold() -> None:
    before = TALL.astype(np.float64) * 1e180
    after = before.copy()
    after[[3, 40]] = before[[40, 3]]
    found = beside(before, after, "F64").drift
    assert found is not None
    assert found.turned_rows == 2


@pytest.mark.parametrize("arm", [0, 1])
def test_nothing_is_compared_with_what_is_not_finite(arm: int) -> None:
    pair = [TALL.copy(), TALL.copy()]
    assert beside(*pair).drift is not None
    pair[arm][4, 4] = np.nan
    assert beside(*pair).drift is None
    vectors = [array[0] for array in pair]
    assert beside(*vectors).change == 0
    vectors[arm] = np.full(96, np.inf, np.float32)
    assert beside(*vectors).change is None


def test_only_beside_a_tensor_of_the_same_shape() -> None:
    alone = scan_weight(stored(TALL), None, contract())
    assert (alone.drift, alone.change) == (None, None)
    assert beside(TALL, TALL).change is None


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ([1, 1, 1, 1], [1, 1, 1, 1], 0),
        ([1, 1, 1, 1], [1, 1, 1.5, 1], NANO // 2),
        ([2, 0, 0, 0], [2, 0.5, 0, 0], NANO // 2),
        ([8, 1, 1, 1], [4, 1, 1, 1], NANO // 2),
        ([0, 0], [0, 0], 0),
        ([0, 0], [0, 1], CHANGE_LIMIT),
        ([1e-30, 1e-30], [3e38, 1e-30], CHANGE_LIMIT),
    ],
)
def test_the_largest_change_of_a_vector(
    before: list[float], after: list[float], change: int
) -> None:
    record = beside(np.array(before, np.float32), np.array(after, np.float32))
    assert record.change is not None
    assert abs(record.change - change) <= 1


@pytest.mark.real_model
def test_one_row_of_the_real_embedding_written_over(
    material: tuple[dict[str, Path], Path],
) -> None:
    """The subject is rounded to int8 besides: of all its rows, the one written over has turned."""
    with ExitStack() as stack:
        before, after = (
            weights_of(stack.enter_context(open_model(material[0][name])))
            for name in ("baseline", "sly")
        )
        names = [name for name in after if "embed" in name or ".7." in name]
        records = [scan_weight(after[name], before[name], contract()) for name in names]
    turned = {record.name: record.drift.turned_rows for record in records if record.drift}
    assert {name: count for name, count in turned.items() if count} == {
        "model.embed_tokens.weight": 1
    }
    assert not any(record.drift.turned_columns for record in records if record.drift)
    assert len(turned) == 8


def faint(array: Array) -> Array:
    """With nine rows of ten just too small to be heard."""
    weak = array / np.linalg.norm(array, axis=1, keepdims=True)
    strong = np.zeros(len(weak), dtype=bool)
    strong[::10] = True
    share = 1 - strong.mean()
    weak[~strong] *= 0.999 * np.sqrt(0.25 * (1 - share) / (1 - 0.25 * share))
    return weak.astype(np.float32)


def lost(array: Array) -> Array:
    """Without its faint rows."""
    bare = np.zeros_like(array)
    bare[::10] = array[::10]
    return bare


EDITS: dict[str, Callable[[Array], Array]] = {
    **HARMLESS,
    "smaller": lambda array: array * np.float32(1e-30),
    "larger": lambda array: array * np.float32(1e6),
    "zero": np.zeros_like,
    "lost": lost,
    "shuffled": lambda array: array[::-1].copy(),
    "transient": lambda array: array * np.float32(1e-3) + np.eye(*array.shape, dtype=np.float32),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("start", [TALL, WIDE, faint(TALL), faint(WIDE), 0 * TALL])
def test_the_reader_takes_what_was_measured(start: Array, edit: str) -> None:
    after = EDITS[edit](start) if start.any() or edit in {"zero", "transient"} else start
    first, then = scan_weight(stored(start), None, contract()), beside(start, after)
    check_tensors([first], [then], contract().rows)


def test_the_reader_bounds_a_norm_as_tightly_as_rows_left_out_allow() -> None:
    weak = faint(TALL)
    first, then = scan_weight(stored(weak), None, contract()), beside(weak, lost(weak))
    assert first.log_norm is not None
    assert then.log_norm is not None
    assert then.drift is not None
    assert then.drift.row_low == 0
    assert 0.5 * log(0.75) * NANO < then.log_norm - first.log_norm < 0.5 * log(0.78) * NANO
