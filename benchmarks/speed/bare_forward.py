"""Two bare forward passes in plain torch over a run's windows: the floor an evaluation is held to.

Prints seconds of the passes alone, by the wall's clock and the processor's; imports and loading are
not counted. Usage:
    python benchmarks/speed/bare_forward.py BASELINE SUBJECT WINDOWS.u32 LENGTH THREADS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

BATCH = 8


def passes(model_path: Path, windows: torch.Tensor) -> tuple[float, float]:
    """Wall and processor seconds of one pass."""
    model = AutoModelForCausalLM.from_pretrained(
        model_path, dtype=torch.float32, local_files_only=True, use_safetensors=True
    ).eval()
    with torch.inference_mode():
        model(windows[:1])  # lazy allocations are not the pass
        start, worked = time.perf_counter(), time.process_time()
        for batch in windows.split(BATCH):
            model(batch)
        return time.perf_counter() - start, time.process_time() - worked


def main() -> None:
    baseline, subject, windows_file, length, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    ids = np.fromfile(windows_file, dtype="<u4").reshape(-1, int(length)).astype(np.int64)
    windows = torch.from_numpy(ids)
    both = [passes(Path(model), windows) for model in (baseline, subject)]
    print(*(sum(seconds) for seconds in zip(*both, strict=True)))


if __name__ == "__main__":
    main()
