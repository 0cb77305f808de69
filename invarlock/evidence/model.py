"""Evidence in memory: the records of the schema beside the arrays of per-token numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from invarlock.evidence.schema import Arm, Header, RuntimeFacts, Tensor, Window

Int64s = NDArray[np.int64]
UInt32s = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that the judge may look at. Arrays are read-only.

    With ``rows = windows * (length - 1)``, row ``w * (length - 1) + t`` scores token ``t + 1`` of
    window ``w``. Numbers are fixed-point (see :mod:`invarlock.evidence.schema`);
    ``canonical.NON_FINITE`` flags NaN and infinity.

    Attributes:
        header: contract, schedule, data, both arms.
        windows: in schedule order, final ones before preview ones.
        tokens: token ids, shape (windows, length).
        baseline_loss: log-loss of the baseline in 1e-9 nats, shape (rows,).
        loss: log-loss of the subject in 1e-9 nats, shape (rows,).
        kl: KL(baseline‖subject) in 1e-9 nats, shape (rows,).
        delta_p: change of the true token's probability in 1e-9, subject minus baseline, (rows,).
        top1: 1 where both arms rank the same token first, else 0, shape (rows,).
        tensors: every stored tensor of each arm, sorted by name.
        runtime: what the runtime manifest says was observed.
    """

    header: Header
    windows: tuple[Window, ...]
    tokens: UInt32s
    baseline_loss: Int64s
    loss: Int64s
    kl: Int64s
    delta_p: Int64s
    top1: Int64s
    tensors: Mapping[Arm, tuple[Tensor, ...]]
    runtime: RuntimeFacts

    @property
    def scored(self) -> int:
        """Tokens scored in one window: all but the first, which is context."""
        return self.header.contract.windows.length - 1
