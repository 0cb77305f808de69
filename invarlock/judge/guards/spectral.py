"""The spectral guard: how far each matrix's spectrum moved from the baseline's, in nats.

All measures are largest sizes over matrices, and so read one way:

    spectral.shift        |ln σ₁(subject) − ln σ₁(baseline)|
    spectral.stable_rank  |ln sr(subject) − ln sr(baseline)|, sr = ‖W‖²/σ₁² (Rudelson and Vershynin,
                          Sampling from large matrices, 2007)
    spectral.rows         ln (norm, baseline over subject) of the row that shrank most
    spectral.columns      the same of columns

and ``spectral.caps`` counts matrices whose shift is too large to be chance
(:mod:`invarlock.judge.guards.caps`).
"""

from __future__ import annotations

from fractions import Fraction

from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Contract, Tensor
from invarlock.judge.guards.caps import caps_values
from invarlock.judge.guards.pairs import Found, largest, nats, pairs
from invarlock.judge.values import Key, Value


def spectral_values(evidence: Evidence, contract: Contract) -> dict[Key, Value]:
    """The measures of the guard over all matrices, and of each family that has any."""
    found, moved = pairs(evidence), shifts(evidence)
    ranks = [pair.spectral(_stable_rank) for pair in found]
    return {
        **largest("spectral.shift", moved),
        **caps_values(moved, contract.caps),
        **largest("spectral.stable_rank", ranks),
        **largest("spectral.rows", [pair.drifting(_row) for pair in found]),
        **largest("spectral.columns", [pair.drifting(_column) for pair in found]),
    }


def shifts(evidence: Evidence) -> tuple[Found, ...]:
    """The shift of ln σ₁ of every matrix in either arm, by name."""
    return tuple(pair.spectral(_shift) for pair in pairs(evidence))


def _shift(before: Tensor, after: Tensor) -> Fraction:
    return nats(abs((after.log_sigma or 0) - (before.log_sigma or 0)))


def _stable_rank(before: Tensor, after: Tensor) -> Fraction:
    return nats(abs(_log_rank(after) - _log_rank(before)))


def _log_rank(tensor: Tensor) -> int:
    return 2 * ((tensor.log_norm or 0) - (tensor.log_sigma or 0))


def _row(_: Tensor, after: Tensor) -> Fraction:
    return nats(0 if after.drift is None else max(0, -after.drift.row_low))


def _column(_: Tensor, after: Tensor) -> Fraction:
    return nats(0 if after.drift is None else max(0, -after.drift.column_low))
