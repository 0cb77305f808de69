"""What the guards on weights cost: time beside a peer, and memory."""

from __future__ import annotations

import statistics

from benchmarks.speed.evaluation import HERE
from benchmarks.speed.material import Material
from benchmarks.speed.printed import Lines
from benchmarks.speed.process import PYTHON, THREADS, call

MARGIN = 64 << 20


def spectra(material: Material, lines: Lines, rounds: int) -> None:
    """All matrices of SmolLM2, imports and loading not counted on either side."""
    if material.peers is None:
        lines.say("no weightwatcher here: `make peers`")
        return
    model = str(material.baseline)
    ours = [PYTHON, "-m", "benchmarks.speed.guard_time", model]
    theirs = [material.peers, str(HERE / "peers" / "weightwatcher_spectra.py"), model, THREADS]
    walls, costs = [], []
    for _ in range(rounds):
        (wall, worked, count), (peer, peer_worked, peer_count) = (
            [float(word) for word in call(argv).printed.split()[-3:]] for argv in (ours, theirs)
        )
        assert count == peer_count, "not the same matrices"
        walls.append(wall / peer)
        costs.append(worked / peer_worked)
        counts = f"{count:.0f} and {peer_count:.0f} matrices"
        lines.say(f"  guards {wall:.1f} s, weightwatcher {peer:.1f} s, {counts}")
    lines.figure(
        "guards on all weights / weightwatcher 0.7.7", f"{statistics.median(walls):.2f}", "<= 0.20"
    )
    lines.figure("  processor time likewise", f"{statistics.median(costs):.2f}")


def memory(material: Material, lines: Lines, rounds: int) -> None:
    """The peak of a process that has torch and scans, beside one that only has torch."""
    del rounds  # a peak is not noisy
    argv = [PYTHON, "-m", "benchmarks.speed.guard_memory", str(material.baseline)]
    alone, whole, largest, above = (int(word) for word in call(argv).printed.split())
    target = alone + 2 * largest + MARGIN
    mib = 1 << 20
    lines.figure(
        "peak memory of the guards' process", f"{whole // mib} MiB", f"<= {target // mib} MiB"
    )
    lines.say(f"  the target: {alone // mib} MiB with torch alone + 2 x {largest // mib} + 64 MiB")
    lines.figure("guards' own peak / largest tensor", f"{above / largest:.2f}", "<= 1")
