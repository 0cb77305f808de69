"""Diagnostics of a document: what the compiler finds, and what lint adds."""

from __future__ import annotations

from invarlock.authoring.lint import LintFinding, lint
from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Change, Finding, Location, Related
from invarlock.authoring.server.places import Places
from invarlock.policy.compile import Compiled
from invarlock.policy.diagnostics import Diagnostic
from invarlock.policy.span import Span


def findings(analysis: Analysis) -> tuple[Finding, ...]:
    """Every error and warning of the document, in order; of a policy that compiles, what lint
    finds, too."""
    outcome = analysis.outcome
    if not isinstance(outcome, Compiled):
        return tuple(_finding(analysis, diagnostic) for diagnostic in outcome.diagnostics)
    warnings = (_finding(analysis, diagnostic) for diagnostic in outcome.warnings)
    linted = lint(outcome.source, filename="", includes=analysis.snapshot)
    return (*warnings, *(_linted(analysis, found) for found in linted if not found.span.file))


def _finding(analysis: Analysis, diagnostic: Diagnostic) -> Finding:
    if diagnostic.span.file:
        return _of_include(analysis, diagnostic)
    start, end = analysis.places.span(diagnostic.span)
    related = None
    if diagnostic.other is not None:
        related = Related("the other place", _location(analysis, diagnostic.other))
    return Finding(
        code=diagnostic.code,
        severity=diagnostic.severity,
        message=diagnostic.message,
        hint=diagnostic.hint,
        start=start,
        end=_shown_end(analysis, start, end),
        related=related,
    )


def _of_include(analysis: Analysis, diagnostic: Diagnostic) -> Finding:
    """An error of an included file, shown where the file comes in."""
    span = diagnostic.span
    start, end = _include_of(analysis, span.file)
    return Finding(
        code=diagnostic.code,
        severity=diagnostic.severity,
        message=f"{span.words}: {diagnostic.message}",
        hint=diagnostic.hint,
        start=start,
        end=_shown_end(analysis, start, end),
        related=Related(diagnostic.message, _location(analysis, span)),
    )


def _include_of(analysis: Analysis, file: str) -> tuple[int, int]:
    """The path of the ``include`` that names ``file``, or else of the first one: a file that is
    included by another comes in through it."""
    paths = [s.after("include") for s in analysis.statements if s.kind == "include"]
    named = [path for path in paths if path is not None]
    found = next((path for path in named if path.text.strip('"') == file), None)
    path = found or next(iter(named), None)
    return (0, 0) if path is None else (path.start, path.end)


def _location(analysis: Analysis, span: Span) -> Location:
    if not span.file:
        return Location(*analysis.places.span(span))
    text = analysis.outcome.includes.get(span.file, b"").decode("utf-8", "replace")
    return Location(*Places(text).span(span), span.file, text)


def _shown_end(analysis: Analysis, start: int, end: int) -> int:
    """An editor cannot show a place without width."""
    return max(end, min(start + 1, len(analysis.text)))


def _linted(analysis: Analysis, found: LintFinding) -> Finding:
    start, end = analysis.places.span(found.span)
    edit = found.fix
    return Finding(
        code=found.rule,
        severity="information" if found.severity == "info" else "warning",
        message=found.message,
        hint=found.hint,
        start=start,
        end=_shown_end(analysis, start, end),
        change=None if edit is None else Change(edit.start, edit.end, edit.replacement),
    )
