"""The same bits run to run; across threads and batches within the tolerance that is declared."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from invarlock.artifacts.model_files import open_model
from invarlock.canonical import NANO
from invarlock.evidence.layout import whole_runs
from invarlock.evidence.schema import MEAN_TOLERANCE, TOKEN_TOLERANCE, Dtype
from invarlock.measure import score
from invarlock.measure.head import read_head
from invarlock.measure.loading import load_model, read_config
from invarlock.measure.products import use_products
from invarlock.measure.score import Body, score_baseline
from tests.measure.arms import measure
from tests.measure.tiny import VOCABULARY, make_model

OTHERS = [(1, 8), (2, 3), (1, 1)]
"""Threads and batches beside two and eight."""


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_two_runs_leave_the_same_bytes(tiny: Path, data: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        measure(tmp_path / name, tiny, tiny, data)
    for arm in ("baseline", "subject"):
        first = tmp_path / "one" / arm / "out"
        names = {path.name for path in first.iterdir()} - {"overhead.json"}  # measured times
        assert names
        for name in names:
            assert (first / name).read_bytes() == (
                tmp_path / "two" / arm / "out" / name
            ).read_bytes()


def check(folder: Path, dtype: Dtype, tokens: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = whole_runs(tokens)
    with open_model(folder) as files:
        config = read_config(files)
        model = load_model(folder, files, config, dtype=dtype).model
        use_products(model)
        body = Body(model, read_head(files, config))

    def losses(count: int, batch: int) -> np.ndarray:
        torch.set_num_threads(count)
        monkeypatch.setattr(score, "BATCH", batch)
        return score_baseline(body, layout, io.BytesIO())

    usual = losses(2, 8)
    assert np.array_equal(losses(2, 8), usual)
    for count, batch in OTHERS:
        apart = losses(count, batch) - usual
        assert np.abs(apart).max() <= TOKEN_TOLERANCE[dtype] * NANO
        assert abs(apart.mean()) <= MEAN_TOLERANCE[dtype] * NANO


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_threads_and_batches_move_losses_within_the_tolerance(
    kind: str, dtype: Dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = np.random.default_rng(2).integers(0, VOCABULARY, (21, 16)).astype("<u4")
    check(make_model(tmp_path / kind, kind), dtype, tokens, monkeypatch)


@pytest.mark.real_model
@pytest.mark.usefixtures("threads")
def test_so_it_is_with_the_real_model(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = np.random.default_rng(2).integers(0, 49_000, (10, 24)).astype("<u4")
    check(smollm2, "float32", tokens, monkeypatch)
