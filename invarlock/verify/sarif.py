"""The result of a verification as SARIF 2.1.0: without an error in the log it is a pass.

Every finding is a result at the bundle, every gate that does not pass one at the consumer's
policy, and an outcome other than a pass one more, so that no reader who counts results takes a
verification that decided nothing for a good one. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.judge import GateResult
from invarlock.policy.diagnostics import printable
from invarlock.present.sarif import (
    Level,
    SarifPlace,
    SarifResult,
    SarifRule,
    code_rules,
    sarif_log,
)
from invarlock.verify.result import DISCLOSED, Finding, VerificationResult
from invarlock.verify.text import BEFORE, OUTCOMES, change

_GATES: Final = {
    "fail": "what was observed is outside the bound",
    "inconclusive": "what was observed does not tell on which side of the bound it is",
    "incomplete": "the evidence lacks what the gate asks for",
}
_OWN: Final[dict[str, tuple[str, str, Level]]] = {
    "bar-drift": (
        "the run's bar is not the reference",
        "Have the difference reviewed, or name the run's bar as the reference.",
        "note",
    ),
    "shown-windows": (
        "single windows are under the signed root",
        "No verdict follows from them: verify the whole run.",
        "note",
    ),
    "shown-registration": (
        "the run's bar was attested by itself",
        "Ask for proof that it came first with --require preregistered.",
        "note",
    ),
    "judged-strictness": (
        "no number was recomputed",
        "Pass the run's folder with --run, without --accept-strictness.",
        "warning",
    ),
}
_MENDED: Final = {
    "pass": "Nothing needs doing.",
    "fail": "Do not deploy the subject, or have the bar reviewed by whoever owns it.",
    "inconclusive": "Evaluate on more data.",
    "incomplete": "Evaluate again, with what the bar asks for.",
    "refused": "Do not deploy; ask the producer.",
    "lacking": "Pass what the other results name.",
    "no-bar": "Pass --policy or --policy-digest.",
}


def verification_sarif(result: VerificationResult, bundle: str) -> dict[str, object]:
    """``result`` about the file ``bundle``, as the user named it."""
    findings = [_finding(finding, bundle) for finding in result.findings]
    others = [
        *_drift(result, bundle),
        *_notes(result, bundle),
        *_strictness(result, bundle),
        *_gates(result, bundle),
        *_outcome(result, bundle),
    ]
    rules = [*code_rules(findings), *_rules(others)]
    return sarif_log(rules, [*findings, *others])


def _finding(finding: Finding, bundle: str) -> SarifResult:
    facts = f"level `{finding.level}`: {finding.what}"
    if finding.found is not None:
        facts += f"; found {finding.found}, must be {finding.expected}"
    elif finding.hint:
        facts += f"; {finding.hint}"
    return SarifResult(
        rule=finding.code,
        level="error" if finding.kind == "refused" else "warning",
        message=printable(facts),
        place=SarifPlace(bundle),
        identity=(bundle, finding.level, finding.what),
    )


def _drift(result: VerificationResult, bundle: str) -> Iterator[SarifResult]:
    """A note for each key on which the run's bar differs from the reference."""
    found = result.policy_digest
    if found is None or not found.changed:
        return
    for text in (f"{one.relation}: {change(one)}" for one in found.differences):
        yield SarifResult(
            rule="bar-drift",
            level="note",
            message=printable(text),
            place=SarifPlace(bundle),
            identity=(bundle, text),
        )


def _notes(result: VerificationResult, bundle: str) -> Iterator[SarifResult]:
    """What was shown beside a verdict, or in its place."""
    told: dict[str, str] = {}
    if result.disclosed:
        windows = ", ".join(str(one.position) for one in result.disclosed)
        told["shown-windows"] = f"windows {windows}: {DISCLOSED}"
    if result.registration is not None:
        told["shown-registration"] = (
            f"the run's bar was registered: {BEFORE[result.registration.before]}"
        )
    for rule, text in told.items():
        yield SarifResult(
            rule=rule,
            level="note",
            message=printable(text),
            place=SarifPlace(bundle),
            identity=(bundle, text),
        )


def _strictness(result: VerificationResult, bundle: str) -> Iterator[SarifResult]:
    """A warning wherever a verdict rests on the producer's word."""
    if result.judged_by == "strictness":
        yield SarifResult(
            rule="judged-strictness",
            level="warning",
            message=result.limits,
            place=SarifPlace(bundle),
            identity=(bundle,),
        )


def _gates(result: VerificationResult, bundle: str) -> Iterator[SarifResult]:
    by_policy = result.bar is not None and result.bar.source == "policy"
    file = (result.bar.name or "").rpartition("#")[0] if result.bar and by_policy else bundle
    for gate in result.gates:
        if gate.verdict == "pass":
            continue
        yield SarifResult(
            rule=f"gate-{gate.verdict}",
            level=_level(gate),
            message=printable(_told(gate)),
            place=SarifPlace(file),
            identity=(file, gate.level, gate.id),
        )


def _level(gate: GateResult) -> Level:
    return "error" if gate.level == "require" and gate.verdict == "fail" else "warning"


def _told(gate: GateResult) -> str:
    seen = gate.observed if gate.observed is not None else "nothing"
    span = f" [{gate.interval[0]}, {gate.interval[1]}]" if gate.interval is not None else ""
    return f"{gate.level} {gate.id} {gate.bound}: observed {seen}{span}; {gate.reason}"


def _outcome(result: VerificationResult, bundle: str) -> Iterator[SarifResult]:
    if result.exit_code != 0:
        yield SarifResult(
            rule=f"outcome-{result.outcome}",
            level="error",
            message=f"{result.outcome}: {OUTCOMES[result.outcome]}; {result.limits}",
            place=SarifPlace(bundle),
            identity=(bundle, result.outcome),
        )


def _rules(results: list[SarifResult]) -> Iterator[SarifRule]:
    for name in sorted({result.rule for result in results}):
        kind, _, word = name.partition("-")
        if name in _OWN:
            yield SarifRule(name, *_OWN[name])
        else:
            title = _GATES[word] if kind == "gate" else OUTCOMES[word]
            yield SarifRule(name, title, _MENDED[word])
