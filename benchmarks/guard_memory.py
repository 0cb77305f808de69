"""Peak memory of the guards over a model, as a multiple of its largest tensor. Usage:
    python benchmarks/guard_memory.py MODEL

Run in a process of its own; what the interpreter and numpy hold before is not counted.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np

from invarlock.artifacts.model_files import open_model
from invarlock.measure.guards.scan import scan_model


def peak() -> int:
    """Peak resident bytes of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main() -> None:
    np.linalg.eigvalsh(np.eye(64))  # the libraries' own memory is not the guards'
    before = peak()
    with open_model(Path(sys.argv[1])) as model:
        largest = max(entry.end - entry.start for entry in model.tensors.values())
        scan_model(model)
        used = peak() - before
    print(f"{used / largest:.2f} ({used >> 20} MiB over {largest >> 20} MiB)")


if __name__ == "__main__":
    main()
