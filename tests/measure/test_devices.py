"""Dtypes of the body, and devices that are not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from invarlock.canonical import NANO
from invarlock.errors import EnvironmentFault
from invarlock.measure.devices import check_device, kernels
from tests.measure.arms import measure
from tests.measure.tiny import edited, make_model


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_half_precision_rests_at_the_null_and_is_near_float32(
    tmp_path: Path, data: Path, kind: str, dtype: str
) -> None:
    model = make_model(tmp_path / "m", kind)
    whole = measure(tmp_path / "whole", model, model, data)
    half = measure(tmp_path / "half", model, model, data, dtype=dtype)
    assert np.array_equal(half.loss, half.baseline_loss)
    assert not half.kl.any()
    assert not half.delta_p.any()
    assert (half.top1 == 1).all()
    apart = np.abs(half.loss - whole.loss) / NANO
    assert 0 < apart.mean() < 0.2 * whole.loss.mean() / NANO


def test_hidden_states_travel_unrounded(tiny: Path, data: Path, tmp_path: Path) -> None:
    def scale(tensors: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]  # any dtype
        tensors["lm_head.weight"] *= np.float32(1.01)

    subject = edited(tiny, tmp_path / "s", scale)
    outcome = measure(tmp_path / "run", tiny, subject, data, dtype="bfloat16")
    stored = np.fromfile(tmp_path / "run" / "baseline" / "out" / "hidden.f32", "<u4")
    assert stored.size
    assert not (stored & 0xFFFF).any()  # each is a bfloat16, as it was
    assert outcome.kl.any()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:3", "mps"])
def test_a_device_that_is_not_there_is_said_to_be_absent(
    tiny: Path, data: Path, tmp_path: Path, device: str
) -> None:
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is one")
    with pytest.raises(EnvironmentFault) as caught:
        measure(tmp_path / "run", tiny, tiny, data, device=device)
    assert (caught.value.code, caught.value.exit_code) == ("E608", 6)
    check_device("cpu")


def test_what_chose_the_kernels_is_told(tiny: Path, data: Path, tmp_path: Path) -> None:
    found = kernels("cpu")
    assert found["cpu"] == torch.backends.cpu.get_cpu_capability()
    assert measure(tmp_path / "run", tiny, tiny, data).subject.kernels == found
