"""What evidence could be at worst, given what was measured again of it.

Whatever was measured again counts as it came out now. The rest is the producer's word, of which
two things are asked:

- *Tolerance.* Every number may lie off by what the tolerance grants, and all of them to the same
  side. A pass must hold with all of them shifted, to the worse and to the better, final and preview
  windows alike or against each other. What goes by the largest of single tokens, or by squares, is
  held against tokens each off by what one token is granted, which is far more than a mean is.
- *Odds.* In how few windows must the truth be another for the verdict to be no pass? A window that
  hides the worst hides a subject that predicts no better than by chance: its log-loss is at least
  ln of the vocabulary, it agrees nowhere, or it answers wrongly. The windows where that makes most
  of a difference come first. A model can do worse than chance in a window, and then fewer suffice;
  so the odds of a single window are stated beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Final, Literal, Protocol

import numpy as np

from invarlock.canonical import NANO, NON_FINITE
from invarlock.evidence.model import Evidence, Int64s
from invarlock.evidence.positions import is_choice
from invarlock.evidence.schema import Arm, Tensor, Window
from invarlock.verify.tolerance import Tolerance

_LARGEST: Final = 2**62
Side = Literal[-1, 1]
_SIDES: Final[tuple[Side, Side]] = (1, -1)
_TAILS: Final = frozenset({"kl.p99", "delta_p.rms"})
"""Measures that few tokens decide, or their squares."""
_CHANGES: Final = frozenset({"delta_p.mean"})
"""Measures of a change of probability, of which log-losses that are all off alike say too little:
where the probability is small, so is its change."""


class Judge(Protocol):
    """Whether evidence passes the consumer's bar."""

    def __call__(self, evidence: Evidence, only: Collection[str] = ()) -> bool:
        """``only`` names the measures whose gates are to be judged; all are where it is empty."""


def own_numbers(
    evidence: Evidence,
    again: Evidence,
    chosen: Sequence[int],
    tensors: Mapping[Arm, tuple[Tensor, ...]],
) -> Evidence:
    """``evidence`` in which all that was measured again is what came out now."""
    columns = {name: column.copy() for name, column in evidence.columns.items()}
    signed, found = evidence.layout.offsets.tolist(), again.layout.offsets.tolist()
    windows = list(evidence.windows)
    for place, at in enumerate(chosen):
        for name, column in again.columns.items():
            columns[name][signed[at] : signed[at + 1]] = column[found[place] : found[place + 1]]
        update = {"subject_id": again.windows[place].subject_id}
        windows[at] = windows[at].model_copy(update=update)
    seen = again if any(again.activations.values()) else evidence
    merged = replace(
        evidence,
        windows=tuple(windows),
        tensors=tensors,
        activations=seen.activations,
        bare=seen.bare,
        scaled=seen.scaled,
    )
    return _with(merged, columns)


@dataclass(frozen=True, slots=True)
class Rest:
    """Evidence of which the windows ``open`` were not measured again."""

    evidence: Evidence
    open: tuple[int, ...]

    def shifted(self) -> Iterator[Evidence]:
        """The evidence as it could be within tolerance, each time with all numbers off; none
        where every window was measured again."""
        if not self.open:
            return
        phases = {self.evidence.windows[at].phase for at in self.open}
        for final in _SIDES:
            for preview in _SIDES if len(phases) > 1 else (final,):
                yield self._off({"final": final, "preview": preview})

    def tails(self) -> Iterator[tuple[Evidence, frozenset[str]]]:
        """The evidence with every single token as far off as one may be, and the measures that is
        the worst of; their other values are beyond what is granted to means."""
        if not self.open or self.evidence.kl is None:
            return
        for side in _SIDES:
            yield self._apart(side), _TAILS
            yield self._changed(side), _CHANGES

    def survives(self, passes: Judge) -> bool:
        """Whether the evidence passes, and does however far it is off within tolerance."""
        return (
            passes(self.evidence)
            and all(passes(worst) for worst in self.shifted())
            and all(passes(worst, only) for worst, only in self.tails())
        )

    def worst(self, count: int, phase: str) -> Evidence:
        """The evidence in which ``count`` windows of ``phase`` hid the worst."""
        ordered = sorted(self._of(phase), key=self._hidden, reverse=True)
        columns = _copied(self.evidence)
        for at in ordered[:count]:
            self._ruin(columns, at)
        return _with(self.evidence, columns)

    def fewest(self, passes: Judge) -> int | None:
        """In how few of the windows the truth must be another for the verdict to be no pass;
        ``None`` where no number of them is enough. Found by halving."""
        found = [self._fewest(passes, phase) for phase in ("final", "preview")]
        return min((count for count in found if count is not None), default=None)

    def _fewest(self, passes: Judge, phase: str) -> int | None:
        few, many = 0, len(self._of(phase))
        if not many or passes(self.worst(many, phase)):
            return None
        while many - few > 1:
            middle = (few + many) // 2
            if passes(self.worst(middle, phase)):
                few = middle
            else:
                many = middle
        return many

    def _of(self, phase: str) -> list[int]:
        return [at for at in self.open if self.evidence.windows[at].phase == phase]

    def _rows(self, at: int) -> slice:
        offsets = self.evidence.layout.offsets
        return slice(int(offsets[at]), int(offsets[at + 1]))

    @property
    def _chance(self) -> int:
        """The log-loss of who knows nothing of the next token, in 1e-9 nats."""
        facts = self.evidence.header.baseline.tokenizer
        return round(log(max(2, 2 if facts is None else facts.ids)) * NANO)

    def _hidden(self, at: int) -> int:
        """How much of a difference it makes that the window hid the worst."""
        rows = self._rows(at)
        loss = self.evidence.loss[rows]
        if NON_FINITE in loss:
            return 0
        if is_choice(self.evidence.header.contract.task):
            return int(np.argmin(loss) == (self.evidence.windows[at].answer or 0))
        return max(0, self._chance * loss.size - int(loss.sum()))

    def _ruin(self, columns: dict[str, Int64s], at: int) -> None:
        rows = self._rows(at)
        loss = columns["loss"][rows]
        if not self._hidden(at):
            return
        if is_choice(self.evidence.header.contract.task):
            window = self.evidence.windows[at]
            loss[window.answer or 0] = _last(loss.tolist(), window)
            return
        before = columns["baseline_loss"][rows]
        loss[:] = self._chance
        if "kl" in columns:
            known = columns["kl"][rows] != NON_FINITE
            columns["kl"][rows][known] = np.maximum(columns["kl"][rows], loss - before)[known]
            columns["delta_p"][rows] = _delta_p(columns["delta_p"][rows], before, loss)
            columns["top1"][rows][known] = 0

    def _off(self, sides: Mapping[str, Side]) -> Evidence:
        """All open windows off by what the tolerance grants; side 1 is where the subject is
        worse."""
        tolerance = Tolerance(self.evidence.header.contract.dtype)
        columns = _copied(self.evidence)
        for at in self.open:
            window, rows = self.evidence.windows[at], self._rows(at)
            side = sides[window.phase]
            if is_choice(self.evidence.header.contract.task):
                amount = np.full(window.rows, -tolerance.token(window.length), dtype=np.int64)
                amount[window.answer or 0] *= -1
            else:
                amount = np.full(window.rows, tolerance.mean(window.rows), dtype=np.int64)
            _shift(columns["loss"][rows], side * amount)
            _shift(columns["baseline_loss"][rows], -side * amount)
            if "kl" in columns:
                _shift(columns["kl"][rows], 2 * side * amount)
                before, after = columns["baseline_loss"][rows], columns["loss"][rows]
                columns["delta_p"][rows] = _delta_p(columns["delta_p"][rows], before, after)
        if "top1" in columns:
            self._ties(columns["top1"], sides, tolerance)
        return _with(self.evidence, columns)

    def _apart(self, side: Side) -> Evidence:
        """KL of every token, and its change of probability away from none, off by what one token
        is granted. A percentile takes few of them, and squares add up whatever the sign."""
        tolerance = Tolerance(self.evidence.header.contract.dtype)
        columns = _copied(self.evidence)
        for at in self.open:
            rows = self._rows(at)
            kl, change = columns["kl"][rows], columns["delta_p"][rows]
            _shift(kl, np.full_like(kl, side * tolerance.divergence()))
            size = np.abs(change) + side * tolerance.probability()
            signs = np.where(change < 0, -1, 1)
            known = change != NON_FINITE
            change[known] = (signs * np.clip(size, 0, NANO))[known]
        return _with(self.evidence, columns)

    def _changed(self, side: Side) -> Evidence:
        """The change of probability off by what its mean in a window is granted."""
        tolerance = Tolerance(self.evidence.header.contract.dtype)
        columns = _copied(self.evidence)
        for at in self.open:
            change = columns["delta_p"][self._rows(at)]
            amount = side * tolerance.probability_mean(len(change))
            known = change != NON_FINITE
            change[known] = np.clip(change + amount, -NANO, NANO)[known]
        return _with(self.evidence, columns)

    def _ties(self, top1: Int64s, sides: Mapping[str, Side], tolerance: Tolerance) -> None:
        """As many rows as may nearly tie fall out the other way, the first there are; in every
        slice, since each has gates of its own."""
        groups: dict[tuple[str, str | None], list[Int64s]] = defaultdict(list)
        for at in self.open:
            window = self.evidence.windows[at]
            groups[window.phase, window.slice].append(np.arange(top1.size)[self._rows(at)])
        for (phase, _), rows in groups.items():
            places = np.concatenate(rows)
            before = 1 if sides[phase] == 1 else 0
            fit = places[top1[places] == before][: tolerance.ties(len(places))]
            top1[fit] = 1 - before


def _last(losses: Sequence[int], window: Window) -> int:
    """A loss of the right choice that makes it the last one, by itself and by its bytes."""
    sizes = window.sizes or (1,) * len(losses)
    own = sizes[window.answer or 0]
    most = max(loss * own // size for loss, size in zip(losses, sizes, strict=True))
    return int(min(most + NANO * own, _LARGEST))


def _with(evidence: Evidence, columns: Mapping[str, Int64s]) -> Evidence:
    """``evidence`` with these columns, which are all it has."""
    return replace(
        evidence,
        baseline_loss=columns["baseline_loss"],
        loss=columns["loss"],
        kl=columns.get("kl"),
        delta_p=columns.get("delta_p"),
        top1=columns.get("top1"),
    )


def _copied(evidence: Evidence) -> dict[str, Int64s]:
    return {name: column.copy() for name, column in evidence.columns.items()}


def _shift(column: Int64s, amount: Int64s) -> None:
    """Add to what is finite, in place; nothing falls below zero."""
    known = column != NON_FINITE
    column[known] = np.maximum(column + amount, 0)[known]


def _delta_p(column: Int64s, before: Int64s, after: Int64s) -> Int64s:
    """The change of probability that two log-losses give, where it is known."""
    known = (column != NON_FINITE) & (before != NON_FINITE) & (after != NON_FINITE)
    one, other = (np.exp(-np.where(known, loss, 0) / NANO) for loss in (before, after))
    found: Int64s = np.where(known, np.rint((other - one) * NANO).astype(np.int64), column)
    return found
