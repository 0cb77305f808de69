"""Comparison of bars and policies by what they accept: equal, stricter, weaker, mixed or
incomparable, with a witness for every difference (DESIGN section 3). Pure.
"""

from __future__ import annotations

from invarlock.policy.compare.bars import compare_bars
from invarlock.policy.compare.policies import compare_policies
from invarlock.policy.compare.result import (
    BarComparison,
    Difference,
    PolicyComparison,
    Sample,
    Strictness,
    Witness,
)
from invarlock.policy.compare.samples import counterexample, passing

__all__ = [
    "BarComparison",
    "Difference",
    "PolicyComparison",
    "Sample",
    "Strictness",
    "Witness",
    "compare_bars",
    "compare_policies",
    "counterexample",
    "passing",
]
