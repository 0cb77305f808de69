"""Per-token evidence folded into exact sums: by window, then by document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from invarlock.canonical import NON_FINITE
from invarlock.evidence.model import Evidence, Int64s
from invarlock.evidence.schema import Window
from invarlock.judge import exact


@dataclass(frozen=True, slots=True)
class Column:
    """One measure's exact sum per window, in 1e-9, and whether all that went in was finite."""

    sums: tuple[int, ...]
    finite: tuple[bool, ...]

    def all_finite(self, windows: Iterable[int]) -> bool:
        """Whether every number of these windows is finite."""
        return all(self.finite[window] for window in windows)

    def total(self, windows: Iterable[int]) -> int:
        """The exact sum over these windows."""
        return sum(self.sums[window] for window in windows)


@dataclass(frozen=True, slots=True)
class Columns:
    """The sums of every per-token measure, one per window, and the ``rows`` of each."""

    rows: tuple[int, ...]
    change: Column
    """Subject's minus baseline's log-loss."""
    kl: Column
    delta_p: Column
    delta_p_squares: Column
    """Squares, in 1e-18."""
    top1: Column


def columns_of(evidence: Evidence) -> Columns:
    """Fold the evidence's rows into sums per window."""
    offsets = evidence.layout.offsets

    def fold(column: Int64s) -> Column:
        sums, finite = exact.run_sums(column, offsets), exact.finite_runs(column, offsets)
        return Column(tuple(sums), tuple(finite))

    baseline, loss, delta_p = map(fold, (evidence.baseline_loss, evidence.loss, evidence.delta_p))
    change = Column(
        tuple(s - b for s, b in zip(loss.sums, baseline.sums, strict=True)),
        tuple(s and b for s, b in zip(loss.finite, baseline.finite, strict=True)),
    )
    # A flag's square fits no int64, and the sum it would go into is not finite anyway.
    plain = np.where(evidence.delta_p == NON_FINITE, 0, evidence.delta_p)
    squares = Column(tuple(exact.run_squares(plain, offsets)), delta_p.finite)
    rows = tuple(window.rows for window in evidence.windows)
    return Columns(rows, change, fold(evidence.kl), delta_p, squares, fold(evidence.top1))


def by_document(windows: Sequence[Window], chosen: Iterable[int]) -> list[list[int]]:
    """The chosen windows grouped by document, documents in order of their ids."""
    groups: dict[str, list[int]] = defaultdict(list)
    for window in chosen:
        groups[windows[window].document].append(window)
    return [groups[document] for document in sorted(groups)]
