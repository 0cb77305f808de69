"""What one arm's job does for the guards on activations while it scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from invarlock.canonical import NON_FINITE
from invarlock.evidence.activations import guard_windows
from invarlock.evidence.model import Int64s
from invarlock.evidence.schema import Activation, Overhead
from invarlock.measure.job import ArmJob
from invarlock.measure.windows import Scored

if TYPE_CHECKING:
    from invarlock.measure.activations.watch import Watch
    from invarlock.measure.score import Body


@dataclass(frozen=True, slots=True)
class _Watched:
    body: Body
    watch: Watch


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guards saw, once scoring is over; nothing where the job has other windows."""

    watched: _Watched | None = None

    @property
    def layers(self) -> tuple[Activation, ...]:
        """A record of every layer, by name."""
        return () if self.watched is None else self.watched.watch.records

    @property
    def overhead(self) -> Overhead:
        """How long the pass watched took, and passes like it."""
        if self.watched is None:
            return Overhead(guarded=(), bare=())
        watch = self.watched.watch
        return Overhead(guarded=tuple(watch.guarded), bare=tuple(watch.bare))

    def again(self, baseline: Sequence[Activation]) -> tuple[Int64s, ...]:
        """Log-loss of the guard windows, each (rows,) in 1e-9 nats: scored again as they are, and
        with the outputs of blocks at the scales of the ``baseline``'s layers.

        Without layers to scale the second is flagged; with scales that are all one it is the
        first, as the pass would be.
        """
        if self.watched is None:
            return ()
        from invarlock.measure.activations.equalise import equalised, scales
        from invarlock.measure.score import score_baseline

        body, watch = self.watched.body, self.watched.watch
        part = watch.layout
        watch.make_sure()
        bare = score_baseline(body, part, BytesIO())
        if not watch.bare:
            watch.run()
        watch.close()
        by = scales(baseline, self.layers)
        if not by:
            return bare, np.full(bare.shape, NON_FINITE, dtype=np.int64)
        if all(scale == 1.0 for scale in by.values()):
            return bare, bare
        with equalised(body.model, by):
            return bare, score_baseline(body, part, BytesIO())


@contextmanager
def guarded(job: ArmJob, body: Body | None, scored: Scored) -> Iterator[Guarded]:
    """Watch the layers of ``body`` while the guard windows are scored inside, for a model that
    predicts from the past: what a layer puts out of others has its rows elsewhere.

    They are the first batch, and the job whose span begins with them watches. Where a head is not
    split windows pass one at a time, so that these get a pass of their own.
    """
    elsewhere = job.span is not None and job.span.start > 0
    if body is None or elsewhere or job.contract.task != "causal_lm":
        yield Guarded()
        return
    from invarlock.measure.activations.watch import Watch

    part = scored.layout.part(0, guard_windows(job.contract, job.schedule))
    watch = Watch(body.model, part)
    with watch.next_pass():
        yield Guarded(_Watched(body, watch))
        watch.make_sure()
