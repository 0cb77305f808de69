"""The guard on rows: what a spectrum cannot see, since exchanged rows have the same one.

``rows.turned`` counts rows and columns that point elsewhere than the baseline's at their place
(defined where they are measured, :mod:`invarlock.measure.guards.rows`). ``rows.norm`` is the
largest |ln (row's norm, subject over baseline) − ln (matrix's norm, subject over baseline)|: how
far one row was scaled against the others, in nats. A matrix scaled as a whole moves no row against
another; the spectral guard sees that.
"""

from __future__ import annotations

from fractions import Fraction

from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Tensor
from invarlock.judge.guards.pairs import largest, nats, pairs, total
from invarlock.judge.values import Key, Value


def row_values(evidence: Evidence) -> dict[Key, Value]:
    """``rows.turned``, and ``rows.norm`` over all and of each family; none without matrices."""
    found = pairs(evidence)
    if not found:
        return {}
    turned = total([pair.drifting(_turned) for pair in found])
    return {
        Key("rows.turned"): turned,
        **largest("rows.norm", [pair.drifting(_norm) for pair in found]),
    }


def _turned(_: Tensor, after: Tensor) -> Fraction:
    drift = after.drift
    return Fraction(0 if drift is None else drift.turned_rows + drift.turned_columns)


def _norm(before: Tensor, after: Tensor) -> Fraction:
    drift = after.drift
    if drift is None:
        return Fraction(0)
    whole = 0
    if before.log_norm is not None and after.log_norm is not None:
        whole = after.log_norm - before.log_norm
    return nats(max(drift.row_high - whole, whole - drift.row_low, 0))
