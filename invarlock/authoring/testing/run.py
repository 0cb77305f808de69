"""Runs the tests of a policy: each drives the real ``decide`` on values that it supposes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from invarlock.authoring.testing.suppose import SignerRules, suppose
from invarlock.judge import GateResult, Verdict, decide
from invarlock.policy import Compiled
from invarlock.policy.checked import Case, Expected
from invarlock.policy.ir import BarIR


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one test came out. ``problem`` is one line, empty for a test that passed."""

    case: Case
    bar: str
    verdict: Verdict
    problem: str

    @property
    def passed(self) -> bool:
        """Whether the test found what it expects."""
        return not self.problem

    @property
    def decisive(self) -> tuple[GateResult, ...]:
        """The gate that the test names, and those that made the verdict what it is."""
        verdict = self.verdict
        return tuple(
            gate
            for gate in verdict.gates
            if gate.id == self.case.expected.because
            or (gate.level == "require" and gate.verdict == verdict.verdict != "pass")
        )


def chosen(cases: Iterable[Case], text: str) -> tuple[Case, ...]:
    """The tests whose name holds ``text``, whatever its case."""
    return tuple(case for case in cases if text.casefold() in case.name.casefold())


def bar_of(case: Case, compiled: Compiled) -> tuple[str, BarIR]:
    """The bar that ``case`` names; without a tier, that of the only one."""
    tier = None if case.tier is None else case.tier.text
    return compiled.bar(tier, None if case.profile is None else case.profile.text)


def run_case(case: Case, name: str, bar: BarIR, signers: SignerRules) -> CaseResult:
    """Judge the values of ``case`` under ``bar`` and hold the verdict against what it expects."""
    verdict = decide(bar, suppose(bar, case.supposed, signers))
    return CaseResult(case, name, verdict, _problem(case.expected, verdict))


def run_tests(compiled: Compiled, cases: Iterable[Case]) -> tuple[CaseResult, ...]:
    """Run ``cases``, which are tests of ``compiled``."""
    return tuple(run_case(case, *bar_of(case, compiled), compiled.signers) for case in cases)


def wanted(expected: Expected) -> str:
    """What a test expects, as it is written."""
    cause = "" if expected.because is None else f" because {expected.because}"
    return expected.outcome + cause


def _problem(expected: Expected, verdict: Verdict) -> str:
    warned = expected.outcome == "warning"
    overall = "pass" if warned else expected.outcome
    if verdict.verdict != overall:
        return f"expected {wanted(expected)}, came {verdict.verdict}"
    if expected.because is None:
        return ""
    gate = next((gate for gate in verdict.gates if gate.id == expected.because), None)
    if gate is None:
        return f"expected {wanted(expected)}, but the bar has no such gate"
    if warned:
        if gate.level == "warn" and gate.verdict != "pass":
            return ""
        found = "is required" if gate.level == "require" else "passes"
        return f"expected {wanted(expected)}, but that gate {found}"
    if gate.verdict != expected.outcome:
        found = f"that gate came {gate.verdict}"
        return f"expected {wanted(expected)}, but {found}; another one decided"
    if gate.level == "warn" and expected.outcome != "pass":
        return f"expected {wanted(expected)}, but that gate is only warned of"
    return ""
