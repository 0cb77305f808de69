"""Several looks at a run that stops when it is decided: what that costs and what it saves.

Windows come in random order, as a schedule has them, so that an early look has seen some windows
of many documents. At each look the judge's own functions give the interval: the ends of
:mod:`invarlock.evidence.looks`, the limits of :mod:`invarlock.judge.spending` and
:func:`invarlock.judge.bootstrap.intervals`. A look with fewer documents than the minimum decides
nothing, as in :mod:`invarlock.judge.estimate`.

Intervals move with the data, so one simulation serves bounds at several distances from the truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage.shapes import (
    BATCH,
    SCORED,
    Cell,
    Doubles,
    drawn,
    estimate_contract,
    sizes,
    spread,
    whole,
)
from benchmarks.coverage.single import Outcome
from invarlock.canonical import NANO
from invarlock.evidence.looks import look_ends
from invarlock.judge.bootstrap import intervals, tail_of
from invarlock.judge.spending import Spending, critical_values

DISTANCES: Final = (2, 1, 0, -1, -2)
"""How far the bound lies above the truth, in units of what a single look passes nine times in ten:
harmless, the truth on the bound, harmful."""
_UNIT: Final = 1.959964 + 1.281552
"""Of a distance, in standard errors of the mean over all windows."""


@dataclass(frozen=True)
class Plan:
    """How often one looks, how the looks share errors, and the fewest documents of an interval."""

    looks: int
    spending: Spending
    minimum: int


@dataclass(frozen=True)
class Looked:
    """Outcomes by distance of the bound, each with the mean share of the windows that was used."""

    by: Mapping[int, tuple[Outcome, float]]


@dataclass(frozen=True)
class _Look:
    """Of each trial of a batch the interval at one look, infinite where there is none."""

    share: float
    documents: int
    low: Doubles
    high: Doubles


def simulate(
    cell: Cell, plans: Sequence[Plan], trials: int, resamples: int, seed: int = 1
) -> dict[Plan, Looked]:
    """Judge ``trials`` runs of ``cell`` under each of the plans."""
    rng = np.random.default_rng([seed, 2, cell.documents, cell.windows, *cell.shape.encode()])
    tallies = {plan: _Tally() for plan in plans}
    done = trials // BATCH * BATCH
    for batch in range(trials // BATCH):
        counts = sizes(cell, rng)
        owner = np.repeat(np.arange(cell.documents), counts)
        order = rng.permutation(len(owner))
        values = [own + shared[owner] for own, shared in drawn(cell, counts, rng, BATCH)]
        run = _Run(owner[order], [trial[order] for trial in values], resamples, batch)
        unit = _UNIT * spread(cell, counts)
        seen: dict[Plan, list[_Look]] = {}
        for plan in plans:
            free = replace(plan, minimum=0)
            if free not in seen:
                seen[free] = list(run.looks(free))
            tallies[plan].add(plan, seen[free], unit)
    return {plan: tally.result(done) for plan, tally in tallies.items()}


@dataclass(frozen=True)
class _Run:
    """A batch of trials whose windows belong to the same documents, in the same order."""

    owner: NDArray[np.int64]
    values: Sequence[Doubles]
    resamples: int
    seed: int

    def looks(self, plan: Plan) -> Iterator[_Look]:
        """Every look of ``plan``, whether or not an earlier one decided."""
        contract = estimate_contract(self.resamples, self.seed)
        total = len(self.owner)
        ends = look_ends(total, plan.looks)
        limits = critical_values(plan.spending, tail_of(contract), [end / total for end in ends])
        for end, limit in zip(ends, limits, strict=True):
            _, place, counts = np.unique(self.owner[:end], return_inverse=True, return_counts=True)
            sums = [
                whole(np.bincount(place, weights=trial[:end]).astype(np.float64))
                for trial in self.values
            ]
            found = intervals(sums, (counts * SCORED).tolist(), contract, limit)
            low = [-math.inf if one.low is None else float(one.low) / NANO for one in found]
            high = [math.inf if one.high is None else float(one.high) / NANO for one in found]
            yield _Look(end / total, len(counts), np.array(low), np.array(high))


class _Tally:
    """Counts over batches, by distance of the bound: passes, fails, shares used."""

    def __init__(self) -> None:
        self._counts = {distance: np.zeros(3) for distance in DISTANCES}

    def add(self, plan: Plan, looks: Sequence[_Look], unit: float) -> None:
        """Stop each trial at the first look that decides it."""
        for distance in DISTANCES:
            bound = distance * unit
            going = np.ones(BATCH, dtype=np.bool_)
            for look in looks:
                if look.documents >= plan.minimum:
                    passes, fails = going & (look.high < bound), going & (look.low > bound)
                    stopped = passes | fails
                    found = passes.sum(), fails.sum(), stopped.sum() * look.share
                    self._counts[distance] += found
                    going &= ~stopped
            self._counts[distance][2] += going.sum()

    def result(self, trials: int) -> Looked:
        """Shares of so many trials."""
        shares = {at: (counts / trials).tolist() for at, counts in self._counts.items()}
        return Looked(
            {
                at: (Outcome(passed, failed, trials), used)
                for at, (passed, failed, used) in shares.items()
            }
        )


def lines(found: Mapping[tuple[Cell, Plan], Looked]) -> Iterator[str]:
    """A heading, and one line for each cell and plan."""
    yield (
        "                                                       the truth on the bound           "
        "windows used, with the bound at                passes at"
    )
    yield (
        "shape      documents  windows each  spending        looks  false pass    error  kept  "
        "    +2      +1       0      -1      -2      +1"
    )
    for (cell, plan), one in found.items():
        on, _ = one.by[0]
        kept = "yes" if on.kept else "NO"
        used = "  ".join(f"{one.by[distance][1]:>6.1%}" for distance in DISTANCES)
        yield (
            f"{cell.shape:<10} {cell.documents:>9}  {cell.windows:>12}  {plan.spending:<14}"
            f"  {plan.looks:>5}  {on.passed:>10.2%}  {on.error:>7.2%}  {kept:<4}"
            f"  {used}  {one.by[1][0].passed:>6.1%}"
        )
