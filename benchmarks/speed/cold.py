"""Commands from a cold start: the process is new each time, bytecode and files are cached."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from benchmarks.speed.material import POLICY, Material
from benchmarks.speed.printed import Lines
from benchmarks.speed.process import INVARLOCK, PYTHON, call

ROUNDS: Final = 15


def cold(material: Material, lines: Lines, rounds: int) -> None:
    """`policy check`; `verify` has a group of its own."""
    del material, rounds
    check = [INVARLOCK, "policy", "check", str(POLICY)]
    _figure(lines, "policy check, cold process", check, 0.20)


def _figure(lines: Lines, name: str, argv: Sequence[str], target: float) -> None:
    """Beside a bare interpreter, in turns, so that noise meets both."""
    times: list[float] = []
    bare: list[float] = []
    call(argv)
    for _ in range(ROUNDS):
        bare.append(call([PYTHON, "-c", "pass"]).wall)
        times.append(call(argv).wall)
    lines.figure(name, f"{statistics.median(times):.3f} s", f"<= {target} s")
    lines.say(f"  (python -c pass {statistics.median(bare):.3f} s)")
