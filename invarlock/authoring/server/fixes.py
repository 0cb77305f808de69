"""Quick fixes: changes that mend a finding. Each is tried before it is offered.

A candidate is kept only if compiling the changed text gives fewer findings of that code, no more
syntax errors, and no more errors; so a hint that says more than it seems never makes a bad fix.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from invarlock.authoring.server.analysis import Analysis, outcome
from invarlock.authoring.server.answers import Change, Finding, Fix, applied
from invarlock.authoring.server.candidates import candidates
from invarlock.authoring.server.findings import findings
from invarlock.policy.compile import Compiled
from invarlock.policy.diagnostics import Diagnostic, PolicyFault

_MAX_TRIED: Final = 16
_MAX_FINDINGS: Final = 8
"""Findings of one request that fixes are tried for: each try compiles the policy."""


def quick_fixes(analysis: Analysis, start: int, end: int) -> tuple[Fix, ...]:
    """The fixes of the findings that touch the characters from ``start`` to ``end``."""
    touched = [f for f in findings(analysis) if f.start <= end and start <= f.end]
    return tuple(fix for found in touched[:_MAX_FINDINGS] for fix in _fixes(analysis, found))


def _fixes(analysis: Analysis, finding: Finding) -> Iterator[Fix]:
    """Lint's own fix, which never moves the digest, or the first candidate that mends
    ``finding``."""
    if finding.change is not None:
        yield Fix(f"fix `{finding.code}`: {finding.hint}", (finding.change,), finding)
        return
    for title, change in islice(candidates(analysis, finding), _MAX_TRIED):
        if _mends(analysis, finding, change):
            # To pin a file anew is to accept what changed in it.
            yield Fix(title, (change,), finding, preferred=finding.code != "E123")
            return


def _mends(analysis: Analysis, finding: Finding, change: Change) -> bool:
    text = applied(analysis.text, (change,))
    changed = outcome(text, filename=analysis.filename, reader=analysis.reader)
    before, after = _found(analysis.outcome), _found(changed)
    fewer = _count(after, finding.code) < _count(before, finding.code)
    readable = _count(after, "E101") <= _count(before, "E101")
    return fewer and readable and _errors(after) <= _errors(before)


def _found(result: Compiled | PolicyFault) -> tuple[Diagnostic, ...]:
    return result.warnings if isinstance(result, Compiled) else result.diagnostics


def _count(found: tuple[Diagnostic, ...], code: str) -> int:
    return sum(1 for diagnostic in found if diagnostic.code == code)


def _errors(found: tuple[Diagnostic, ...]) -> int:
    return sum(1 for diagnostic in found if diagnostic.severity == "error")
