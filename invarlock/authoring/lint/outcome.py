"""What linting files came to, as text, JSON (``invarlock.policy.lint/1``) and SARIF. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from invarlock.authoring.lint.finding import LintFinding
from invarlock.authoring.lint.rules import RULES
from invarlock.errors import InvarlockError
from invarlock.policy.diagnostics import (
    Diagnostic,
    PolicyFault,
    diagnostic_json,
    excerpt,
    printable,
    render_text,
    span_json,
)
from invarlock.present.sarif import (
    SarifPlace,
    SarifResult,
    SarifRule,
    code_rules,
    diagnostic_results,
    sarif_log,
)

Document = dict[str, object]
CODE: Final = "E133"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One file: what is found in ``source``, what was fixed, or why it was not linted."""

    name: str
    source: bytes = b""
    findings: tuple[LintFinding, ...] = ()
    fixed: tuple[LintFinding, ...] = ()
    fault: InvarlockError | None = None

    @property
    def warned(self) -> bool:
        """Whether a finding of severity warning stays."""
        return any(finding.severity == "warning" for finding in self.findings)


def findings_text(outcome: Outcome) -> str:
    """The findings of one file with source lines and carets; empty if there are none."""
    name = printable(outcome.name)
    source = outcome.source.decode("utf-8", errors="replace")
    fault = outcome.fault
    if isinstance(fault, PolicyFault):
        return "\n".join(render_text(found, source) for found in fault.diagnostics)
    if fault is not None:
        return f"{name}: error {fault}"
    lines: list[str] = []
    for found in outcome.findings:
        lines.append(
            f"{name}:{found.span}: {found.severity} [INVARLOCK:{CODE}] {found.rule}: "
            f"{found.message}; {found.hint}"
        )
        lines += excerpt(found.span, source)
    return "\n".join(lines)


def outcome_line(outcome: Outcome) -> str:
    """One line on one file."""
    name = printable(outcome.name)
    if outcome.fault is not None:
        return f"{name}: not linted"
    fixable = sum(1 for finding in outcome.findings if finding.fix is not None)
    fixed = f", {len(outcome.fixed)} fixed" if outcome.fixed else ""
    if not outcome.findings:
        return f"{name}: nothing found{fixed}"
    warnings = sum(1 for finding in outcome.findings if finding.severity == "warning")
    infos = len(outcome.findings) - warnings
    mend = f"; {fixable} can be mended by --fix" if fixable else ""
    return f"{name}: {_count(warnings, 'warning')}, {_count(infos, 'info')}{fixed}{mend}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def lint_document(outcomes: Sequence[Outcome]) -> Document:
    """``invarlock.policy.lint/1``: for each file its findings, and what was fixed."""
    return {
        "schema": "invarlock.policy.lint/1",
        "files": [
            {
                "file": printable(outcome.name),
                "findings": [_finding_json(found) for found in outcome.findings],
                "fixed": [_finding_json(found) for found in outcome.fixed],
                "diagnostics": _diagnostics(outcome.fault),
            }
            for outcome in outcomes
        ],
    }


def _finding_json(found: LintFinding) -> Document:
    return {
        "rule": found.rule,
        "code": CODE,
        "severity": found.severity,
        "message": found.message,
        "hint": found.hint,
        "span": span_json(found.span),
        "fixable": found.fix is not None,
    }


def _diagnostics(fault: InvarlockError | None) -> list[Document]:
    if fault is None:
        return []
    if isinstance(fault, PolicyFault):
        return [diagnostic_json(diagnostic) for diagnostic in fault.diagnostics]
    return [{"code": fault.code, "severity": "error", "message": fault.message, "hint": fault.hint}]


def lint_sarif(outcomes: Sequence[Outcome]) -> Document:
    """One SARIF log over all files; a file that does not compile has its diagnostics there."""
    refused = diagnostic_results(_refused(outcomes))
    found = [_result(outcome, finding) for outcome in outcomes for finding in outcome.findings]
    rules = [
        SarifRule(
            rule.name, rule.summary, rule.page, "warning" if _warns(rule.severity) else "note"
        )
        for rule in RULES
    ]
    return sarif_log([*rules, *code_rules(refused)], [*refused, *found])


def _refused(outcomes: Iterable[Outcome]) -> list[Diagnostic]:
    faults = [outcome.fault for outcome in outcomes]
    return [d for fault in faults if isinstance(fault, PolicyFault) for d in fault.diagnostics]


def _warns(severity: str) -> bool:
    return severity == "warning"


def _result(outcome: Outcome, finding: LintFinding) -> SarifResult:
    name = printable(outcome.name)
    return SarifResult(
        rule=finding.rule,
        level="warning" if _warns(finding.severity) else "note",
        message=f"{finding.message}; {finding.hint}",
        place=SarifPlace(name, finding.span),
        identity=(name, finding.message),
    )
