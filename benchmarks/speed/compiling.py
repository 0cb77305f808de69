"""Compiling a large policy: seconds for 500 and 1,000 gates, and their ratio.

The gates stand in four tiers, each refining the one before, under one profile, on slices of their
own: eight bars. Digests of all bars are counted, for nobody compiles without them. Time is that of
the processor, the least of some rounds, for the machine may be shared. Usage:
    python -m benchmarks.speed.compiling
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

from invarlock.policy import compile_policy

SIZES = (500, 1_000)
TIERS = 4
ROUNDS = 5

HEAD = """invar 1
policy large "1"
task = causal_lm
windows { schedule = baseline; length = 128 tokens }
estimate { interval = bca; confidence = 95%; seed = 7; resample = document }
require windows.final >= 64
require windows.preview >= 64
"""
BOUNDS = (
    "perplexity.ratio   on {name} <= 1.{number:05}",
    "kl.mean            on {name} <= 0.{number:05}1 nats",
    "top1.agreement     on {name} in [0.9{number:05}, 1]",
    "perplexity.tail.p95 on {name} <= 0.2{number:05} nats",
)


def source(gates: int) -> bytes:
    """A policy of ``gates`` gates beside its head, as many in each tier."""
    return "\n".join(_lines(gates // TIERS)).encode()


def _lines(share: int) -> Iterator[str]:
    yield HEAD
    for tier in range(TIERS):
        yield f"tier t{tier}" + (f" refines t{tier - 1} {{" if tier else " {")
        yield from map(_gate, range(tier * share, (tier + 1) * share))
        yield "}"
    yield "profile release { require windows.final >= 400 }\n"


def _gate(number: int) -> str:
    name = f'"slice {number:06}"'
    return "  require " + BOUNDS[number % len(BOUNDS)].format(name=name, number=number)


def seconds(gates: int) -> float:
    """Least time of compiling a policy of ``gates`` gates."""
    text = source(gates)
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        compiled = compile_policy(text, filename="large.invar")
        digest = compiled.ir.digest
        times.append(time.process_time() - start)
        assert digest.startswith("sha256:")
        assert len(compiled.ir.bars[f"t{TIERS - 1}+release"].gates) >= gates
    return min(times)


def figures() -> dict[int, float]:
    """Seconds for each size."""
    return {gates: seconds(gates) for gates in SIZES}


def main() -> None:
    measured = figures()
    small, large = measured.values()
    for gates, taken in measured.items():
        print(f"compile of a {gates:>5}-gate policy: {taken:.3f} s")
    print(f"twice the gates take {large / small:.2f} times as long")


if __name__ == "__main__":
    main()
