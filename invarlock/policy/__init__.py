"""The policy language: source → syntax → checked → resolved → IR → digest.

Total and fail-closed: no loops, recursion, arithmetic, clock, environment or I/O (DESIGN
section 3). Only :mod:`invarlock.policy.reference` reads a file.
"""

from __future__ import annotations

from invarlock.policy.compile import Compiled, compile_policy
from invarlock.policy.diagnostics import Diagnostic, PolicyFault
from invarlock.policy.intervals import describe_relation
from invarlock.policy.reference import PolicyReference, load_policy, parse_reference, read_source
from invarlock.policy.span import Span

__all__ = [
    "Compiled",
    "Diagnostic",
    "PolicyFault",
    "PolicyReference",
    "Span",
    "compile_policy",
    "describe_relation",
    "load_policy",
    "parse_reference",
    "read_source",
]
