"""Peak memory of the guards over a model. Usage:
    python -m benchmarks.speed.guard_memory MODEL

As the subject's arm runs them, the model beside itself: one thread for every CPU, in a process of
its own that has torch. Prints bytes: the resident size once the libraries are there, the peak of
the process with the guards, the largest stored tensor, and what the guards took above the level
before them. The kernel's high-water mark is reset once the libraries are warm, so that what they
took while they were loaded neither counts nor hides what the guards take.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in an arm; read when numpy is first imported

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch  # noqa: F401  # an arm has it by the time

from benchmarks.speed.guard_time import contract
from invarlock.artifacts.model_files import open_model
from invarlock.measure.guards.scan import scan_in_threads
from invarlock.measure.weights.model import weights_of

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # Linux, Documentation/filesystems/proc.rst: the peak is set to the present level


def level(field: str) -> int:
    """``VmRSS`` (resident now) or ``VmHWM`` (its peak since the reset), in bytes."""
    words = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(words.split()[1]) << 10


def main() -> None:
    threads = len(os.sched_getaffinity(0))
    alone = level("VmRSS")
    how = contract()
    with ThreadPoolExecutor(threads) as pool, open_model(Path(sys.argv[1])) as model:
        list(pool.map(lambda _: np.linalg.eigvalsh(np.eye(64)), range(4 * threads)))
        largest = max(
            entry.end - entry.start for head in model.headers.values() for entry in head.tensors
        )
        CLEAR.write_text(RESET_PEAK)
        before = level("VmRSS")
        assert level("VmHWM") - before < 1 << 20, "the peak was not reset"
        weights = weights_of(model)
        futures = scan_in_threads(pool, weights, how, weights)
        records = [future.result() for future in futures]
        peak = level("VmHWM")
    assert records
    assert peak - before > 1 << 20, "no guard can do without a mebibyte: this measured nothing"
    print(alone, peak, largest, peak - before)


if __name__ == "__main__":
    main()
