"""All that the page shows, simulated cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.coverage import answers, sequential, single
from benchmarks.coverage.answers import ASKED, Answered, Asked
from benchmarks.coverage.sequential import Looked, Plan
from benchmarks.coverage.shapes import SHAPES, Cell
from benchmarks.coverage.single import Outcome

SHIPPED: Final = 128
"""The fewest documents of an interval under the policies in ``policies/``."""
DEFAULT: Final = 16
"""The same where a bar does not say."""

CELLS: Final = tuple(
    Cell(shape, documents, windows)
    for shape in SHAPES
    for windows in (1, 4)
    for documents in (8, 16, 32, 64, 128, 192, 256, 384)
)
LOOKED: Final = tuple(
    Cell(shape, documents, windows)
    for shape in ("normal", "lognormal", "rare 10%")
    for documents, windows in ((400, 1), (192, 4))
)
PLANS: Final = tuple(
    Plan(looks, spending, minimum)
    for minimum in (SHIPPED, DEFAULT)
    for spending in ("obrien_fleming", "pocock")
    for looks in (3, 5)
)


@dataclass(frozen=True)
class Found:
    """What was simulated, all with so many resamples."""

    single: Mapping[Cell, Outcome]
    several: Mapping[tuple[Cell, Plan], Looked]
    answers: Mapping[Asked, Answered]
    resamples: int


def simulated(trials: int, looked: int, resamples: int, say: Callable[[str], None]) -> Found:
    """Simulate every line of every table, ``trials`` times with one look and ``looked`` times with
    several; ``say`` is told of each that is done."""
    answered: dict[Asked, Answered] = {}
    for asked in ASKED:
        answered[asked] = answers.simulate(asked, trials, resamples)
        say(f"answers: {asked}")
    several: dict[tuple[Cell, Plan], Looked] = {}
    for cell in LOOKED:
        runs = sequential.simulate(cell, PLANS, looked, resamples)
        several |= {(cell, plan): one for plan, one in runs.items()}
        say(f"looks: {cell}")
    found: dict[Cell, Outcome] = {}
    for cell in CELLS:
        found[cell] = single.simulate(cell, trials, resamples)
        say(f"one look: {cell}")
    return Found(found, several, answered, resamples)
