"""Measuring both arms, a span of windows at a time.

A session is told one span after the other; each is measured by the baseline's arm and then by the
subject's, so that whoever leads it may judge what there is, and stop. The windows are drawn with
the first span, and the stored tensors are read with it.

    session = Session(inputs, executor, cache, scratch, say)
    session.check()
    session.measure(Span(start=0, stop=64))
    evidence = assemble(inputs, *session.arms())
    session.measure(Span(start=64, stop=200))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from invarlock.evaluate.cache import BaselineCache
from invarlock.evaluate.combine import cut, cuts, joined, required, windows_of
from invarlock.evaluate.executors import Executor, Local
from invarlock.evaluate.inputs import DRAWN, Inputs, Measured
from invarlock.evaluate.kept import keep, load_kept
from invarlock.evaluate.piece import Given, Piece
from invarlock.evidence.schema import Schedule, Task
from invarlock.measure.job import BATCH, EVERY, LAYERS_FILE, ModelSize, Shard, Span

Say = Callable[[str], None]
Watch = Callable[[str], AbstractContextManager[None]]

_NOTHING = Span(start=0, stop=0)


def whole_of(schedule: Schedule) -> Span:
    """All windows of ``schedule``."""
    return Span(start=0, stop=schedule.final + schedule.preview)


def shared(span: Span, schedule: Schedule, count: int) -> tuple[Span, ...]:
    """``span`` in ``count`` spans that follow one another, on the grid of batches, as equal as it
    allows; where there are fewer batches than that, some are empty."""
    ends = [
        min(start + BATCH, stop)
        for first, stop in (
            (span.start, min(span.stop, schedule.final)),
            (max(span.start, schedule.final), span.stop),
        )
        for start in range(first, stop, BATCH)
    ]
    grid = [span.start, *ends]
    marks = [grid[len(ends) * at // count] for at in range(count + 1)]
    return tuple(Span(start=start, stop=stop) for start, stop in pairwise(marks))


@dataclass(slots=True)
class Session:
    """One evaluation under way. ``scratch`` is a private folder for what boundaries leave;
    ``watch`` times what the two arms take."""

    inputs: Inputs
    executor: Executor
    cache: BaselineCache | None
    scratch: Path
    say: Say
    watch: Watch = lambda name: nullcontext()
    _baseline: list[Measured] = field(default_factory=list)
    _subject: list[Measured] = field(default_factory=list)
    _kept: dict[Span, Measured | None] = field(default_factory=dict)
    _folders: int = 0

    @property
    def _task(self) -> Task:
        return self.inputs.contract.task

    def check(self) -> ModelSize:
        """Look at the subject's files inside a boundary of their own, so that neither model is
        loaded before both have been looked at. Raises what the boundary reported."""
        self.say("checking the subject's files")
        with self.watch("check"):
            found = self._here(Piece("subject", _NOTHING, None, purpose="check"))
        return required(found[0].answer.size, "size")

    def has_kept(self, spans: Sequence[Span]) -> bool:
        """Whether the baseline's results for all of ``spans``, which are going to be measured in
        this order, are in the cache."""
        for span in spans:
            tensors = EVERY if span == spans[0] else None
            self._kept[span] = load_kept(self.cache, self.inputs, span, tensors)
        return all(self._kept[span] is not None for span in spans)

    def measure(self, span: Span) -> None:
        """Measure the windows of ``span``, which no earlier span holds, by both arms.

        Raises what a boundary reported, and :class:`EnvironmentFault` E606 when kept results were
        changed.
        """
        with self.watch("baseline"):
            first = self._measure_baseline(span)
        with self.watch("subject"):
            self._measure_subject(span, first)

    def arms(self) -> tuple[Measured, Measured]:
        """What both arms left for all spans so far; hidden states aside."""
        folder = self._folder()
        return (
            joined(self._task, self._baseline, folder / "baseline", but=("hidden.f32",)),
            joined(self._task, self._subject, folder / "subject"),
        )

    def _measure_baseline(self, span: Span) -> Measured:
        tensors = None if self._baseline else EVERY
        measured = self._kept.get(span) or load_kept(self.cache, self.inputs, span, tensors)
        if measured is None:
            measured = joined(
                self._task, self._baseline_parts(span, tensors), self._folder() / "baseline"
            )
            keep(self.cache, self.inputs, span, tensors, measured)
        else:
            self.say("baseline: kept results, MAC verified")
        self._baseline.append(measured)
        return measured

    def _baseline_parts(self, span: Span, tensors: Shard | None) -> list[Measured]:
        """One piece where a single worker can do all; else the windows are drawn first."""
        drawn = self._baseline[:1]
        if self.executor.workers == 1:
            given = _windows(drawn[0]) if drawn else {}
            return self._run([Piece("baseline", span, tensors, given)])
        parts = [] if drawn else self._here(Piece("baseline", _NOTHING, None))
        given = _windows((drawn or parts)[0])
        pieces = [Piece("baseline", *share, given) for share in self._shares(span, tensors)]
        return [*parts, *self._run(pieces)]

    def _measure_subject(self, span: Span, first: Measured) -> None:
        drawn = self._baseline[0]
        tensors = None if self._subject else EVERY
        rows = cuts(window.rows for window in windows_of(drawn))
        pieces = [
            Piece("subject", part, shard, {**_windows(drawn), **_left(first, rows, span, part)})
            for part, shard in self._shares(span, tensors)
        ]
        self._subject.append(joined(self._task, self._run(pieces), self._folder() / "subject"))

    def _shares(self, span: Span, tensors: Shard | None) -> list[tuple[Span, Shard | None]]:
        """What each worker is to do of ``span`` and ``tensors``, idle workers left out."""
        count = self.executor.workers
        spans = shared(span, self.inputs.schedule, count)
        shards = [None if tensors is None else Shard(index=at, count=count) for at in range(count)]
        pairs = list(zip(spans, shards, strict=True))
        return [pair for pair in pairs if pair[0].windows or pair[1] is not None]

    def _here(self, piece: Piece) -> list[Measured]:
        """A piece that is too small to send away."""
        return Local().run(self.inputs, [piece], self._folder(), self.say)

    def _run(self, pieces: Sequence[Piece]) -> list[Measured]:
        return self.executor.run(self.inputs, pieces, self._folder(), self.say)

    def _folder(self) -> Path:
        self._folders += 1
        folder = self.scratch / str(self._folders)
        folder.mkdir(mode=0o700)
        return folder


def _windows(drawn: Measured) -> dict[str, Given]:
    return {name: drawn.files[name] for name in DRAWN}


def _left(first: Measured, rows: Sequence[int], span: Span, part: Span) -> Mapping[str, Given]:
    """What the baseline's arm left for ``part`` of ``span``."""
    names = ("baseline.i64", "hidden.f32")
    seen = {LAYERS_FILE: first.files[LAYERS_FILE]}
    if part == span:
        return seen | {name: first.files[name] for name in names}
    begin = rows[span.start]
    wanted = (rows[part.start] - begin, rows[part.stop] - begin)
    return seen | {name: cut(first.read(name), rows[span.stop] - begin, wanted) for name in names}
