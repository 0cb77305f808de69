"""`make bench`: the figures that the project holds itself to, printed beside their targets.

The machine may be shared and noisy: each figure is a median over interleaved rounds, and costs are
ratios taken within one round. Usage:
    python -m benchmarks.speed [--only NAME…] [--record]   # --record: also benchmarks/RESULTS.md
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.speed.cold import cold
from benchmarks.speed.evaluation import evaluation, ray, tiny
from benchmarks.speed.guards import memory, spectra
from benchmarks.speed.language import language
from benchmarks.speed.material import Material
from benchmarks.speed.printed import Lines, machine, record
from benchmarks.speed.verifying import verifying

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
GROUPS: Final[Mapping[str, Callable[[Material, Lines, int], None]]] = {
    "language": language,
    "memory": memory,
    "tiny": tiny,
    "spectra": spectra,
    "evaluation": evaluation,
    "ray": ray,
    "cold": cold,
    "verify": verifying,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="NAME",
                        help=f"of {', '.join(GROUPS)}")  # fmt: skip
    parser.add_argument("--record", action="store_true", help="also into benchmarks/RESULTS.md")
    asked = parser.parse_args(argv)
    done: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        material = Material(Path(folder))
        for name in asked.only:
            lines = Lines()
            lines.kept += machine()
            print(f"{name}: {lines.kept[-1]}", flush=True)
            begun = time.monotonic()
            GROUPS[name](material, lines, ROUNDS)
            print(f"{name}: took {time.monotonic() - begun:.0f} s", flush=True)
            done[name] = lines.kept
            if asked.record:  # at once: what comes later may fail
                record({name: done[name]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
