"""The policy language at sizes that nobody writes by hand."""

from __future__ import annotations

from benchmarks.speed.compare import seconds as comparing
from benchmarks.speed.compiling import seconds as compiling
from benchmarks.speed.material import Material
from benchmarks.speed.printed import Lines


def language(material: Material, lines: Lines, rounds: int) -> None:
    """Processor time inside one process, the least of rounds of its own."""
    del material, rounds
    lines.figure("compile of a 1,000-gate policy", f"{compiling(1_000):.3f} s", "<= 1 s")
    whole, twice = comparing(10_000), comparing(20_000)
    lines.figure("compare of two 10,000-gate bars", f"{whole:.3f} s", "<= 1 s")
    lines.figure("  twice as many gates take, times as long", f"{twice / whole:.2f}", "2 (linear)")
