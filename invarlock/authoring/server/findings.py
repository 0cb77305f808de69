"""Diagnostics of a document: what the compiler finds, and what lint adds."""

from __future__ import annotations

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Finding, Location, Related
from invarlock.policy.compile import Compiled
from invarlock.policy.diagnostics import Diagnostic


def findings(analysis: Analysis) -> tuple[Finding, ...]:
    """Every error and warning of the document, in order."""
    outcome = analysis.outcome
    found = outcome.warnings if isinstance(outcome, Compiled) else outcome.diagnostics
    return tuple(_finding(analysis, diagnostic) for diagnostic in found)


def _finding(analysis: Analysis, diagnostic: Diagnostic) -> Finding:
    start, end = analysis.places.span(diagnostic.span)
    related = None
    if diagnostic.other is not None:
        place = Location(*analysis.places.span(diagnostic.other))
        related = Related("the other place", place)
    return Finding(
        code=diagnostic.code,
        severity=diagnostic.severity,
        message=diagnostic.message,
        hint=diagnostic.hint,
        start=start,
        # An editor cannot show a place without width.
        end=max(end, min(start + 1, len(analysis.text))),
        related=related,
    )
