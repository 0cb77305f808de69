"""Policy tests: written cases, boundary cases made automatically, and mutation.

All of them drive the real :func:`invarlock.judge.decide`; nothing is measured and no model is
needed.
"""

from __future__ import annotations

from invarlock.authoring.testing.boundaries import Boundary, BoundaryRun, run_boundaries
from invarlock.authoring.testing.mutation import MutationRun, Survivor, run_mutation
from invarlock.authoring.testing.run import CaseResult, chosen, run_tests

__all__ = [
    "Boundary",
    "BoundaryRun",
    "CaseResult",
    "MutationRun",
    "Survivor",
    "chosen",
    "run_boundaries",
    "run_mutation",
    "run_tests",
]
