#!/usr/bin/env python3
"""How often an interval lets a subject pass whose truth lies on the bound, by shape of the data.

    coverage.py [--trials N] [--resamples N] [--shapes S …] [--documents N …] [--windows N …]

Each trial draws documents of unequal size, whose windows are correlated, with the true mean on the
bound, and asks the judge's own :func:`invarlock.judge.bootstrap.intervals`. A pass is false there;
at 95% each side may err 2.5%. ``benchmarks/COVERAGE.md`` holds what it
printed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NANO
from invarlock.evidence.schema import EstimateContract
from invarlock.judge.bootstrap import intervals
from invarlock.judge.contract import contract_of
from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.ir import BarIR

Doubles = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Doubles]

SCORED: Final = 127
"""Tokens scored in a window."""
ALLOWED: Final = 0.025
BATCH: Final = 100
"""Trials that share the sizes of their documents and the resamples of their bootstrap."""
BETWEEN: Final = 0.5
"""Share of the variance of windows that lies between documents: their intraclass correlation."""


def _normal(rng: np.random.Generator, count: int) -> Doubles:
    return rng.standard_normal(count)


def _lognormal(rng: np.random.Generator, count: int) -> Doubles:
    spread = math.sqrt((math.e - 1) * math.e)
    return np.asarray((rng.lognormal(0, 1, count) - math.exp(0.5)) / spread)


def _rare(share: float) -> Draw:
    """``share`` of the units lose a nat on average, exponentially; the others wander by 0.05."""

    def draw(rng: np.random.Generator, count: int) -> Doubles:
        harm = (rng.random(count) < share) * rng.exponential(1, count)
        spread = math.sqrt(0.05**2 + 2 * share - share**2)
        return np.asarray((rng.normal(0, 0.05, count) + harm - share) / spread)

    return draw


SHAPES: Final[dict[str, Draw]] = {
    "normal": _normal,
    "lognormal": _lognormal,
    "rare 10%": _rare(0.10),
    "rare 5%": _rare(0.05),
    "rare 2%": _rare(0.02),
}
"""Shapes with mean 0 and variance 1, skewed towards harm."""


@dataclass(frozen=True)
class Cell:
    """One kind of data: its shape, its documents, and how many windows each has on average."""

    shape: str
    documents: int
    windows: int


@dataclass(frozen=True)
class Outcome:
    """Shares of the trials that passed and that failed, both falsely."""

    passed: float
    failed: float
    trials: int

    @property
    def error(self) -> float:
        """Standard error of ``passed`` by the number of trials."""
        return math.sqrt(max(self.passed * (1 - self.passed), 1 / self.trials) / self.trials)

    @property
    def coverage(self) -> float:
        """Share of the intervals that held the truth."""
        return 1 - self.passed - self.failed

    @property
    def kept(self) -> bool:
        """Whether the false passes are within what is allowed and two standard errors."""
        return self.passed <= ALLOWED + 2 * self.error


def estimate_contract(resamples: int, seed: int = 7) -> EstimateContract:
    """The contract of a bar that leaves all settings at their defaults."""
    settings = {name: setting.default for name, setting in SETTINGS.items()}
    contract = contract_of(BarIR(task="causal_lm", settings=settings, gates=()))
    return contract.estimate.model_copy(update={"resamples": resamples, "seed": seed})


def sizes(cell: Cell, rng: np.random.Generator) -> NDArray[np.int64]:
    """Windows of each document: geometric, so that some have several times the average."""
    return np.asarray(rng.geometric(1 / cell.windows, cell.documents), dtype=np.int64)


def document_sums(
    cell: Cell, counts: NDArray[np.int64], rng: np.random.Generator, trials: int
) -> Iterator[list[int]]:
    """The exact sum of each document in each trial, in 1e-9; the true mean is 0."""
    draw = SHAPES[cell.shape]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for _ in range(trials):
        own = draw(rng, int(counts.sum())) * math.sqrt(1 - BETWEEN if cell.windows > 1 else 0)
        shared = draw(rng, cell.documents) * math.sqrt(BETWEEN if cell.windows > 1 else 1)
        sums = np.add.reduceat(own, starts) + shared * counts
        yield np.rint(sums * (SCORED * NANO)).astype(np.int64).tolist()


def simulate(cell: Cell, trials: int, resamples: int, seed: int = 1) -> Outcome:
    """Judge ``trials`` evidences of ``cell`` whose truth lies on the bound."""
    rng = np.random.default_rng([seed, cell.documents, cell.windows, *cell.shape.encode()])
    passed = failed = 0
    for batch in range(trials // BATCH):
        counts = sizes(cell, rng)
        sums = list(document_sums(cell, counts, rng, BATCH))
        contract = estimate_contract(resamples, seed=batch)
        for limits in intervals(sums, (counts * SCORED).tolist(), contract):
            passed += limits.high is not None and limits.high < 0
            failed += limits.low is not None and limits.low > 0
    done = trials // BATCH * BATCH
    return Outcome(passed / done, failed / done, done)


def table(cells: Sequence[Cell], trials: int, resamples: int) -> Iterator[str]:
    """One line for each cell, as it is done."""
    yield f"{trials} trials a line, {resamples} resamples, 95%; passes allowed: 2.50%"
    yield ""
    yield "shape      documents  windows each  false pass    error  false fail  coverage  kept"
    for cell in cells:
        found = simulate(cell, trials, resamples)
        yield (
            f"{cell.shape:<10} {cell.documents:>9}  {cell.windows:>12}  {found.passed:>10.2%}"
            f"  {found.error:>7.2%}  {found.failed:>10.2%}  {found.coverage:>8.2%}"
            f"  {'yes' if found.kept else 'NO'}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--trials", type=int, default=4_000)
    parser.add_argument("--resamples", type=int, default=1_200)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    whole: dict[str, Any] = {"nargs": "+", "type": int}
    parser.add_argument("--documents", default=[8, 16, 32, 64, 128, 192, 256, 384], **whole)
    parser.add_argument("--windows", default=[1, 4], **whole)
    asked = parser.parse_args(arguments)
    cells = [
        Cell(shape, documents, windows)
        for shape in asked.shapes
        for windows in asked.windows
        for documents in asked.documents
    ]
    for line in table(cells, asked.trials, asked.resamples):
        print(line, flush=True)


if __name__ == "__main__":
    main()
