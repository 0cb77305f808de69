"""What one arm's job does for the guards on activations while it scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from invarlock.evidence.activations import guard_windows
from invarlock.evidence.schema import Activation
from invarlock.measure.job import ArmJob
from invarlock.measure.windows import Scored

if TYPE_CHECKING:
    from invarlock.measure.activations.watch import Watch
    from invarlock.measure.score import Body


@dataclass(slots=True)
class Guarded:
    """What the guards saw, once scoring is over; nothing where the job has other windows."""

    watch: Watch | None = None

    @property
    def layers(self) -> tuple[Activation, ...]:
        """A record of every layer, by name."""
        return () if self.watch is None else self.watch.records


@contextmanager
def guarded(
    job: ArmJob, body: Body | None, scored: Scored, *, alone: bool = False
) -> Iterator[Guarded]:
    """Watch the layers of ``body`` while the guard windows are scored inside, for a model that
    predicts from the past: what a layer puts out of others has its rows elsewhere.

    They are the first batch, and the job whose span begins with them watches. Where either arm's
    head is not split (``alone``: the other's), windows are scored one by one, so that the guards
    get a pass of their own.
    """
    elsewhere = job.span is not None and job.span.start > 0
    if body is None or elsewhere or job.contract.task != "causal_lm":
        yield Guarded()
        return
    from invarlock.measure.activations.watch import Watch

    part = scored.layout.part(0, guard_windows(job.contract, job.schedule))
    watch = Watch(body.model, part)
    with watch.next_pass():
        if alone or body.head is None:
            watch.run()
        yield Guarded(watch)
