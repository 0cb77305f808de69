"""Diagnostics of a document: what the compiler finds, and what lint adds."""

from __future__ import annotations

from invarlock.authoring.lint import LintFinding, lint
from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Change, Finding, Location, Related
from invarlock.policy.compile import Compiled
from invarlock.policy.diagnostics import Diagnostic


def findings(analysis: Analysis) -> tuple[Finding, ...]:
    """Every error and warning of the document, in order; of a policy that compiles, what lint
    finds, too."""
    outcome = analysis.outcome
    if not isinstance(outcome, Compiled):
        return tuple(_finding(analysis, diagnostic) for diagnostic in outcome.diagnostics)
    warnings = (_finding(analysis, diagnostic) for diagnostic in outcome.warnings)
    linted = (_linted(analysis, found) for found in lint(outcome.source, filename=""))
    return (*warnings, *linted)


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


def _linted(analysis: Analysis, found: LintFinding) -> Finding:
    start, end = analysis.places.span(found.span)
    edit = found.fix
    return Finding(
        code=found.rule,
        severity="information" if found.severity == "info" else "warning",
        message=found.message,
        hint=found.hint,
        start=start,
        end=max(end, min(start + 1, len(analysis.text))),
        change=None if edit is None else Change(edit.start, edit.end, edit.replacement),
    )
