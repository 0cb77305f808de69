"""Comparing two large bars: seconds for 5,000, 10,000 and 20,000 gates, and their ratio.

Half of the gates differ, one in ten of these is missing on one side. Making the bars is not
counted. Time is that of the processor, the least of some rounds, for the machine may be shared.
Usage:
    python -m benchmarks.speed.compare
"""

from __future__ import annotations

import gc
import time

from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.compare import compare_bars
from invarlock.policy.ir import BarIR, Gate, Interval, Target

SIZES = (5_000, 10_000, 20_000)
ROUNDS = 5


def bar(gates: int, shift: int) -> BarIR:
    """A bar of ``gates`` gates, bounds of every second one moved by ``shift`` thousandths."""
    measures = ("perplexity.ratio", "kl.mean", "delta_p.rms", "windows.tokens")
    made = []
    for number in range(gates):
        if shift and number % 20 == 7:
            continue
        bound = 10_000 + number + shift * (number % 2)
        name = Target(kind="slice", name=f"slice {number:06}")
        high = f"{bound // 10}.{bound % 10}" if bound % 10 else str(bound // 10)
        relation = Interval(high=high)
        measure = measures[number % len(measures)]
        if measure == "delta_p.rms":
            relation = Interval(low="1", high=str(2 + (number + shift) % 90))
        if measure == "windows.tokens":
            relation = Interval(low=str(bound))
        made.append(Gate(measure=measure, target=name, level="require", relation=relation))
    settings = {name: setting.default for name, setting in SETTINGS.items()}
    return BarIR(task="causal_lm", settings=settings, gates=tuple(sorted(made, key=lambda g: g.id)))


def seconds(gates: int) -> float:
    """Least time of one comparison of two bars of about ``gates`` gates."""
    old, new = bar(gates, 0), bar(gates, 5)
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        found = compare_bars(old, new)
        times.append(time.process_time() - start)
        assert len(found.differences) >= gates // 2
    return min(times)


def figures() -> dict[int, float]:
    """Seconds for each size."""
    return {gates: seconds(gates) for gates in SIZES}


def main() -> None:
    measured = figures()
    small, middle, large = measured.values()
    for gates, taken in measured.items():
        print(f"compare of two {gates:>6}-gate bars: {taken:.3f} s")
    print(f"twice the gates take {middle / small:.2f} and {large / middle:.2f} times as long")


if __name__ == "__main__":
    main()
