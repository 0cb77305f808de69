"""Time of the guards over the weights of a model. Usage:
    python -m benchmarks.speed.guard_time MODEL

Prints wall and processor seconds of the scan alone, and how many matrices it measured.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in an arm; read when numpy is first imported

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from invarlock.artifacts.model_files import open_model
from invarlock.evidence.schema import Contract
from invarlock.judge.contract import contract_of
from invarlock.measure.guards.scan import scan_in_threads
from invarlock.measure.weights.model import weights_of
from invarlock.policy import load_policy

POLICY = Path(__file__).resolve().parents[2] / "policies" / "causal_lm.invar"


def contract() -> Contract:
    """How the standard policy asks for weights to be measured."""
    return contract_of(load_policy(POLICY).ir.bars["balanced+dev"])


def main() -> None:
    with (
        ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool,
        open_model(Path(sys.argv[1])) as model,
    ):
        weights, how = weights_of(model), contract()
        start, worked = time.perf_counter(), time.process_time()
        records = [future.result() for future in scan_in_threads(pool, weights, how)]
        wall, spent = time.perf_counter() - start, time.process_time() - worked
    print(wall, spent, sum(len(record.shape) > 1 for record in records))


if __name__ == "__main__":
    main()
