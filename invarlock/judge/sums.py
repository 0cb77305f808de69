"""Evidence folded into exact sums: by window, then by document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from invarlock.canonical import NON_FINITE
from invarlock.evidence.model import Evidence, Int64s
from invarlock.evidence.schema import Window
from invarlock.judge import exact
from invarlock.judge.answers import Answers


@dataclass(frozen=True, slots=True)
class Column:
    """One measure's exact sum per window, in what its column counts, and whether all that went in
    was finite."""

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
    """The sums that a task's evidence gives, one per window, and the ``rows`` of each window.

    ``by`` holds, of tasks that score tokens, ``change`` (subject's minus baseline's log-loss),
    ``kl``, ``delta_p``, ``delta_p_squares`` (in 1e-18) and ``top1``; of tasks that choose, as 0 or
    1 a window, ``right`` and ``baseline_right``, and of both ``gap``, ``lost``, ``gained`` and
    ``flips``.
    """

    rows: tuple[int, ...]
    by: Mapping[str, Column]


def columns_of(evidence: Evidence, normalise: str) -> Columns:
    """Fold the evidence's rows into sums per window. ``normalise`` is that of the contract."""
    rows = tuple(window.rows for window in evidence.windows)
    if evidence.header.contract.task in {"multiple_choice", "classification"}:
        return Columns(rows, _choices(evidence, normalise))
    return Columns(rows, _tokens(evidence))


def _tokens(evidence: Evidence) -> dict[str, Column]:
    offsets = evidence.layout.offsets

    def fold(column: Int64s) -> Column:
        sums, finite = exact.run_sums(column, offsets), exact.finite_runs(column, offsets)
        return Column(tuple(sums), tuple(finite))

    baseline, loss = fold(evidence.baseline_loss), fold(evidence.loss)
    found = {
        "change": Column(
            tuple(s - b for s, b in zip(loss.sums, baseline.sums, strict=True)),
            tuple(s and b for s, b in zip(loss.finite, baseline.finite, strict=True)),
        )
    }
    for name in ("kl", "delta_p", "top1"):
        column = getattr(evidence, name)
        if column is not None:
            found[name] = fold(column)
    if evidence.delta_p is not None:
        # A flag's square fits no int64, and the sum it would go into is not finite anyway.
        plain = np.where(evidence.delta_p == NON_FINITE, 0, evidence.delta_p)
        squares = tuple(exact.run_squares(plain, offsets))
        found["delta_p_squares"] = Column(squares, found["delta_p"].finite)
    return found


def _choices(evidence: Evidence, normalise: str) -> dict[str, Column]:
    arms = [
        Answers.of(evidence.windows, evidence.layout.offsets, column, normalise)
        for column in (evidence.baseline_loss, evidence.loss)
    ]
    before, after = arms[0].right, arms[1].right
    finite = tuple(b and s for b, s in zip(arms[0].finite, arms[1].finite, strict=True))
    pairs = list(zip(before, after, strict=True))
    sums = {
        "baseline_right": [int(b) for b in before],
        "right": [int(s) for s in after],
        "gap": [int(s) - int(b) for b, s in pairs],
        "lost": [int(b and not s) for b, s in pairs],
        "gained": [int(s and not b) for b, s in pairs],
        "flips": [int(b != s) for b, s in pairs],
    }
    return {name: Column(tuple(column), finite) for name, column in sums.items()}


def by_document(windows: Sequence[Window], chosen: Iterable[int]) -> list[list[int]]:
    """The chosen windows grouped by document, documents in order of their ids."""
    groups: dict[str, list[int]] = defaultdict(list)
    for window in chosen:
        groups[windows[window].document].append(window)
    return [groups[document] for document in sorted(groups)]
