"""The guards hold a tensor at a time: the memory of a whole process, as the kernel counts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

MARGIN = 64 << 20
SHAPES = {
    **{f"model.layers.{at}.mlp.down_proj.weight": (384, 16_384) for at in range(5)},
    **{f"model.layers.{at}.mlp.up_proj.weight": (16_384, 384) for at in range(5)},
}
LARGEST = 4 * 384 * 16_384
PROGRAM = """
import os
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in an arm; read when numpy is first imported
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
import torch
from invarlock.artifacts.model_files import open_model
from invarlock.measure.guards.scan import scan_in_threads
from invarlock.measure.weights.model import weights_of
from tests.measure.arms import contract

def level(field):
    rows = Path("/proc/self/status").read_text().splitlines()
    return int(next(row for row in rows if row.startswith(field)).split()[1]) << 10

with ThreadPoolExecutor(2) as pool, open_model(Path(sys.argv[1])) as model:
    weights, how = weights_of(model), contract()
    list(pool.map(lambda _: np.linalg.eigvalsh(np.eye(64)), range(8)))
    before = level("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the kernel's peak becomes the present level
    records = [future.result() for future in scan_in_threads(pool, weights, how, weights)]
    guards = level("VmHWM") - before
    whole = [model.read(name) for name in weights]
    print(len(records), guards, level("VmHWM") - before)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten tensors of 24 MiB, half of them wide and half tall."""
    made = tmp_path_factory.mktemp("large")
    draw = np.random.default_rng(4)
    one = draw.standard_normal(LARGEST // 4, dtype=np.float32)
    tensors = {name: (one + at).reshape(shape) for at, (name, shape) in enumerate(SHAPES.items())}
    save_file(tensors, made / "model.safetensors", {"format": "pt"})
    (made / "config.json").write_text('{"model_type": "llama"}')
    return made


def test_the_guards_of_a_process_hold_two_tensors_and_a_margin(folder: Path) -> None:
    argv = [sys.executable, "-c", PROGRAM, str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    records, guards, whole = (int(word) for word in done.stdout.split())
    assert records == len(SHAPES)
    assert guards <= 2 * LARGEST + MARGIN
    assert whole > 2 * LARGEST + MARGIN, "the tensors themselves would have been seen"
    assert guards > 1 << 20, "nothing was measured"
