"""Outliers of the Marchenko–Pastur bulk, subject against baseline.

``rmt.outliers``: the largest growth of their count in one matrix, over its number of singular
values min(rows, columns). Below zero where every matrix lost some. Trained matrices have many
(Martin and Mahoney, Implicit self-regularization in deep neural networks, JMLR 22, 2021): what
tells is how many more there are.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod

from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Tensor
from invarlock.judge.guards.pairs import largest, pairs
from invarlock.judge.values import Key, Value


def outlier_values(evidence: Evidence) -> dict[Key, Value]:
    """``rmt.outliers`` over all matrices, and of each family that has any."""
    return largest("rmt.outliers", [pair.spectral(_growth) for pair in pairs(evidence)])


def _growth(before: Tensor, after: Tensor) -> Fraction:
    side = min(prod(after.shape[:-1]), after.shape[-1])
    return Fraction((after.outliers or 0) - (before.outliers or 0), side)
