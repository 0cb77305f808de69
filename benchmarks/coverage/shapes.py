"""Documents whose true mean is 0, by shape: unequal in size, their windows correlated.

Sizes are geometric; half of the variance of windows lies between documents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NANO
from invarlock.evidence.schema import EstimateContract
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


def estimate_contract(resamples: int, seed: int = 7) -> EstimateContract:
    """The contract of a bar that leaves all settings at their defaults."""
    settings = {name: setting.default for name, setting in SETTINGS.items()}
    contract = contract_of(BarIR(task="causal_lm", settings=settings, gates=()))
    return contract.estimate.model_copy(update={"resamples": resamples, "seed": seed})


def sizes(cell: Cell, rng: np.random.Generator) -> NDArray[np.int64]:
    """Windows of each document: geometric, so that some have several times the average."""
    return np.asarray(rng.geometric(1 / cell.windows, cell.documents), dtype=np.int64)


def drawn(
    cell: Cell, counts: NDArray[np.int64], rng: np.random.Generator, trials: int
) -> Iterator[tuple[Doubles, Doubles]]:
    """For each trial what is each window's own, shape (windows,), and what the windows of a
    document share, shape (documents,); a window shows their sum."""
    draw = SHAPES[cell.shape]
    between = BETWEEN if cell.windows > 1 else 1
    for _ in range(trials):
        own = draw(rng, int(counts.sum())) * math.sqrt(1 - between)
        yield own, draw(rng, cell.documents) * math.sqrt(between)


def spread(cell: Cell, counts: NDArray[np.int64]) -> float:
    """The standard error of the mean over all windows."""
    between = BETWEEN if cell.windows > 1 else 1
    windows = int(counts.sum())
    variance = (1 - between) * windows + between * int((counts**2).sum())
    return math.sqrt(variance) / windows


def whole(sums: Doubles) -> list[int]:
    """Sums over windows as exact sums over their tokens, in 1e-9."""
    return [int(number) for number in np.rint(sums * (SCORED * NANO)).astype(np.int64)]
