"""One look at all windows: false passes by shape and by documents.

Each trial draws documents whose true mean lies on the bound and asks the judge's own
:func:`invarlock.judge.bootstrap.intervals`. A pass is false there; at 95% each side may err 2.5%.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.coverage.shapes import (
    ALLOWED,
    BATCH,
    SCORED,
    Cell,
    drawn,
    estimate_contract,
    sizes,
    whole,
)
from invarlock.judge.bootstrap import intervals


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


def simulate(cell: Cell, trials: int, resamples: int, seed: int = 1) -> Outcome:
    """Judge ``trials`` evidences of ``cell`` whose truth lies on the bound."""
    rng = np.random.default_rng([seed, cell.documents, cell.windows, *cell.shape.encode()])
    passed = failed = 0
    for batch in range(trials // BATCH):
        counts = sizes(cell, rng)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        sums = [
            whole(np.add.reduceat(own, starts) + shared * counts)
            for own, shared in drawn(cell, counts, rng, BATCH)
        ]
        contract = estimate_contract(resamples, seed=batch)
        for limits in intervals(sums, (counts * SCORED).tolist(), contract):
            passed += limits.high is not None and limits.high < 0
            failed += limits.low is not None and limits.low > 0
    done = trials // BATCH * BATCH
    return Outcome(passed / done, failed / done, done)


def lines(found: Mapping[Cell, Outcome]) -> Iterator[str]:
    """A heading, and one line for each cell."""
    yield "shape      documents  windows each  false pass    error  false fail  coverage  kept"
    for cell, one in found.items():
        yield (
            f"{cell.shape:<10} {cell.documents:>9}  {cell.windows:>12}  {one.passed:>10.2%}"
            f"  {one.error:>7.2%}  {one.failed:>10.2%}  {one.coverage:>8.2%}"
            f"  {'yes' if one.kept else 'NO'}"
        )


def kept_from(found: Mapping[Cell, Outcome], shape: str, windows: int) -> int | None:
    """The fewest documents of ``shape``, ``windows`` each, from which on false passes are kept."""
    fewest: int | None = None
    column = [cell for cell in found if (cell.shape, cell.windows) == (shape, windows)]
    for cell in sorted(column, key=lambda cell: -cell.documents):
        if not found[cell].kept:
            break
        fewest = cell.documents
    return fewest
