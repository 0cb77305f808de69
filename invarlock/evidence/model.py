"""Evidence in memory: the records of the schema beside the arrays of per-token numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from invarlock.evidence.layout import Int64s, Layout, UInt32s, layout_of
from invarlock.evidence.schema import (
    GUARD_COLUMNS,
    Activation,
    Arm,
    Header,
    Overhead,
    RuntimeFacts,
    Tensor,
    Window,
    stored_columns,
)

__all__ = ["Evidence", "Int64s", "Layout", "UInt32s"]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that the judge may look at. Arrays are read-only.

    Rows run over those of all windows, in order; :attr:`layout` says whose each is. Numbers are
    fixed-point (see :mod:`invarlock.evidence.schema`); ``canonical.NON_FINITE`` flags NaN and
    infinity.

    What the task does not record is ``None`` (:data:`~invarlock.evidence.schema.COLUMNS`).

    Attributes:
        header: contract, schedule, data, both arms.
        windows: in schedule order, final ones before preview ones.
        tokens: token ids of all windows, one after another.
        positions: for every row the position in its window of the token it scores, (rows,).
        baseline_loss: log-loss of the baseline in 1e-9 nats, shape (rows,).
        loss: log-loss of the subject in 1e-9 nats, shape (rows,).
        kl: KL(baseline‖subject) in 1e-9 nats, shape (rows,).
        delta_p: change of the true token's probability in 1e-9, subject minus baseline, (rows,).
        top1: 1 where both arms rank the same token first, else 0, shape (rows,).
        tensors: every stored tensor of each arm, sorted by name.
        activations: what every layer of each arm put out over the guard windows, sorted by name.
        bare: log-loss of the subject in 1e-9 nats on the rows of the guard windows, scored again
            without a guard; ``None`` where that was not done.
        scaled: the same with the outputs of its blocks at the baseline's scales.
        overhead: how long passes took with guards and without.
        runtime: what the runtime manifest says was observed.
    """

    header: Header
    windows: tuple[Window, ...]
    tokens: UInt32s
    positions: UInt32s
    baseline_loss: Int64s
    loss: Int64s
    tensors: Mapping[Arm, tuple[Tensor, ...]]
    activations: Mapping[Arm, tuple[Activation, ...]]
    overhead: Overhead
    runtime: RuntimeFacts
    kl: Int64s | None = None
    delta_p: Int64s | None = None
    top1: Int64s | None = None
    bare: Int64s | None = None
    scaled: Int64s | None = None

    @property
    def last_look(self) -> bool:
        """Whether all the windows that were planned are there."""
        return self.header.schedule.look == self.header.contract.estimate.looks

    @property
    def columns(self) -> Mapping[str, Int64s]:
        """Every column that its task and origin have, in the order they are stored:
        ``baseline_loss``, ``loss`` and so on."""
        stored = stored_columns(self.header.contract.task, self.header.origin)
        names = (*(f"baseline_{name}" for name in stored.baseline), *stored.subject)
        return {name: getattr(self, name) for name in names}

    @property
    def passes(self) -> Mapping[str, Int64s]:
        """What the guard windows were scored at again, by column; empty where they were not."""
        found = {name: getattr(self, name) for name in GUARD_COLUMNS}
        return {name: column for name, column in found.items() if column is not None}

    @property
    def layout(self) -> Layout:
        """Where the tokens and the rows of each window lie."""
        return layout_of(self.windows, self.tokens, self.positions)
