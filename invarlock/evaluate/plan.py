"""What a run is going to take, told before it begins: tokens, bytes, memory, time.

Sizes come from what the boundary that checked the subject's headers said, so they are a hint and no
more: they decide nothing but whether the run is begun. Time is worked out from a product of two
matrices, timed here and now; 2·N operations for a token of a model of N parameters (Kaplan et al.,
Scaling laws for neural language models, 2020, section 2.1).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from invarlock.errors import EnvironmentFault
from invarlock.evaluate.inputs import Inputs
from invarlock.evaluate.memory import BOUNDARY_BYTES
from invarlock.evidence.looks import look_ends
from invarlock.measure.job import BATCH, CHUNK, ModelSize

_BOUNDARY_S: Final = 4.0
"""Of one boundary: starting, importing, loading a small model."""
_EFFICIENCY: Final = 0.8
"""What a forward pass reaches of the rate of one large product."""
_SIDE: Final = 768
_TRIES: Final = 3
_NUMBER: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
_BATCH_STATES: Final = 12
"""Tensors of the size of a batch's hidden states that a layer holds at a time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is going to take.

    Attributes:
        windows, tokens: of the schedule, all looks included.
        looks: after how many final windows the run is judged.
        hashed: bytes of models and data.
        parameters: of the subject.
        sealed: bytes of memory that hold copies of the models.
        boundary: bytes of memory of the largest boundary, everything counted.
        workers: boundaries at a time.
        kept: whether the baseline's results are at hand.
        seconds: about how long measuring takes.
    """

    windows: int
    tokens: int
    looks: tuple[int, ...]
    hashed: int
    parameters: int
    sealed: int
    boundary: int
    workers: int
    kept: bool
    seconds: float

    @property
    def memory(self) -> int:
        """Bytes that are taken at the most, all together."""
        copies = self.sealed * (1 if self.workers == 1 else self.workers + 1)
        return copies + self.boundary * self.workers

    def lines(self) -> Iterator[str]:
        """The plan as lines for people."""
        yield (
            f"plan: {self.windows} windows, {self.tokens} tokens, twice a model of "
            f"{_short(self.parameters)} parameters; {_bytes(self.hashed)} hashed"
        )
        if len(self.looks) > 1:
            ends = ", ".join(map(str, self.looks))
            yield f"plan: judged after {ends} final windows, and stopped there once decided"
        arms = "the subject alone, the baseline's results being kept" if self.kept else "both arms"
        most = "at most " if len(self.looks) > 1 else ""
        memory, time_taken = _bytes(self.memory), _duration(self.seconds)
        yield f"plan: about {memory} of memory and {most}{time_taken} for {arms}"


def make_plan(inputs: Inputs, size: ModelSize, *, workers: int, kept: bool) -> Plan:
    """The plan for ``inputs``, whose subject is of ``size``."""
    schedule, request = inputs.schedule, inputs.request
    windows = schedule.final + schedule.preview
    tokens = windows * inputs.contract.windows.length
    folders = (inputs.baseline, inputs.subject)
    files = [file for folder in folders for file in folder.files]
    sealed = sum(
        file.size for folder in folders if folder.sealed for file in folder.files if file.loaded
    )
    looks = look_ends(schedule.final, inputs.contract.estimate.looks)
    arms = 1 if kept else 2
    work = arms * 2 * size.parameters * tokens / (_EFFICIENCY * _rate(request.threads_each))
    return Plan(
        windows=windows,
        tokens=tokens,
        looks=looks,
        hashed=sum(file.size for file in files) + inputs.data.size,
        parameters=size.parameters,
        sealed=sealed,
        boundary=_boundary(inputs, size),
        workers=workers,
        kept=kept,
        seconds=work / workers + arms * len(looks) * _BOUNDARY_S,
    )


def check_budget(plan: Plan, budget: int) -> None:
    """Raise :class:`EnvironmentFault` E609 for a plan that takes more memory than ``budget``."""
    if plan.memory > budget:
        raise EnvironmentFault(
            "E609",
            f"the run needs about {_bytes(plan.memory)} of memory, the budget is {_bytes(budget)}",
            "raise --memory-budget, use fewer --workers, or set `model.dtype = bfloat16`",
        )


def _boundary(inputs: Inputs, size: ModelSize) -> int:
    """Bytes of the subject's boundary, which holds most: the body, both heads, the baseline's
    hidden states, a batch under way, and what the guards hold of a tensor for each thread."""
    contract, schedule = inputs.contract, inputs.schedule
    length = contract.windows.length
    head = 4 * size.vocabulary * size.width
    hidden = 4 * (schedule.final + schedule.preview) * (length - 1) * size.width
    batch = 4 * BATCH * length * size.width * _BATCH_STATES
    chunk = 3 * 4 * CHUNK * size.vocabulary
    guards = 2 * size.largest * min(2, inputs.request.threads_each)
    body = _NUMBER[contract.dtype] * size.parameters
    return BOUNDARY_BYTES + body + 2 * head + hidden + max(batch + chunk, guards)


def _rate(threads: int) -> float:
    """Operations a second of ``threads`` together, from one of them, in float32."""
    matrix = np.ones((_SIDE, _SIDE), dtype=np.float32)
    best = np.inf
    for _ in range(_TRIES):
        begun = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - begun)
    return float(threads * 2 * _SIDE**3 / best)


def _bytes(count: int) -> str:
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count / 1024:.1f} KiB"


def _short(count: int) -> str:
    for mark, scale in (("billion", 10**9), ("million", 10**6), ("thousand", 10**3)):
        if count >= scale:
            return f"{count / scale:.3g} {mark}"
    return str(count)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
