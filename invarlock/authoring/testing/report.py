"""What `policy test` prints: text, JSON (``invarlock.policy.test/1``) and JUnit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from invarlock.authoring.testing.boundaries import BoundaryRun
from invarlock.authoring.testing.mutation import MutationRun, Survivor
from invarlock.authoring.testing.run import CaseResult, wanted
from invarlock.judge import GateResult
from invarlock.policy import Compiled
from invarlock.policy.diagnostics import Diagnostic, printable, render_text, shown, span_json

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class FileRun:
    """What testing one policy came to. ``mutation`` is ``None`` where nobody asked for it."""

    filename: str
    compiled: Compiled
    results: tuple[CaseResult, ...]
    boundaries: BoundaryRun
    mutation: MutationRun | None

    @property
    def tested(self) -> bool:
        """Whether the file has tests, chosen or not. A policy without any is not tested."""
        return bool(self.compiled.cases)

    @property
    def passed(self) -> bool:
        """Whether there are tests, and every one that ran passed, written or made."""
        passed = all(result.passed for result in self.results)
        return self.tested and passed and not self.boundaries.failures


def text(run: FileRun) -> str:
    """One file: each test that failed with its place and the gates that decided, then counts."""
    source = run.compiled.source.decode()
    lines: list[str] = []
    for result in run.results:
        if not result.passed:
            lines.append(render_text(_diagnostic(result, run.filename), source))
            lines += _decided(run, result)
    lines += [
        f"{run.filename}: boundary case failed in `{case.bar}`: `{case.gate}` {case.place} "
        f"must be {case.expected}, came {case.came}"
        for case in run.boundaries.failures
    ]
    if run.mutation is not None:
        lines += _survivors(run.filename, run.mutation.survivors)
    lines.append(_summary(run))
    return "\n".join(lines)


def _diagnostic(result: CaseResult, filename: str) -> Diagnostic:
    message = f"the test `{shown(result.case.name)}` on `{result.bar}`: {result.problem}"
    hint = "mend the policy, or what the test expects"
    return Diagnostic("E130", message, hint, result.case.span, filename)


def _decided(run: FileRun, result: CaseResult) -> Iterator[str]:
    if not result.decisive:
        yield "  every gate passed"
    for gate in result.decisive:
        place = run.compiled.spans[result.bar][gate.id]
        margin = "" if gate.margin is None else f", margin {gate.margin} {gate.unit}"
        level = " (warn)" if gate.level == "warn" else ""
        file = place.file or run.filename
        yield f"  {file}:{place}: {gate.verdict}{level} {gate.id}: {gate.reason}{margin}"


def _survivors(filename: str, survivors: Sequence[Survivor]) -> Iterator[str]:
    """The mutants that survived, those that one test would kill together."""
    for missing in dict.fromkeys(survivor.missing for survivor in survivors):
        for survivor in survivors:
            if survivor.missing == missing:
                found = survivor.mutant
                what = f"{filename}:{found.span}: no test notices `{found.key} {found.change}`"
                yield what
        yield from (missing or "no value of this gate tells them apart").split("\n")
        yield ""


def _summary(run: FileRun) -> str:
    failed = sum(not result.passed for result in run.results)
    made = run.boundaries
    parts = [
        f"{len(run.results) - failed} of {_count(len(run.results), 'test')} passed"
        if run.results
        else "no test chosen",
        f"{_count(made.cases, 'boundary case')} over {_count(made.bars, 'bar')}"
        + (f", {len(made.failures)} failed" if made.failures else ""),
    ]
    if run.mutation is not None:
        found = run.mutation
        live = found.killed + len(found.survivors)
        parts.append(f"{found.killed} of {_count(live, 'mutant')} killed ({_percent(found)})")
        parts.append(f"{found.refused} refused by the compiler, {found.without_effect} no weaker")
    return f"{run.filename}: " + "; ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _percent(found: MutationRun) -> str:
    """Rounded down: 100% is all of them."""
    return f"{found.score.numerator * 100 // found.score.denominator}%"


def document(runs: Sequence[FileRun]) -> Document:
    """``invarlock.policy.test/1``: every test of every file, boundary cases, and mutants."""
    return {
        "schema": "invarlock.policy.test/1",
        "passed": all(run.passed for run in runs),
        "files": [_file(run) for run in runs],
    }


def _file(run: FileRun) -> Document:
    return {
        "file": run.filename,
        "policy_digest": run.compiled.ir.digest,
        "passed": run.passed,
        "tests": [_case(result) for result in run.results],
        "boundaries": {
            "cases": run.boundaries.cases,
            "bars": run.boundaries.bars,
            "failures": [
                {
                    "bar": case.bar,
                    "gate": case.gate,
                    "place": case.place,
                    "expected": case.expected,
                    "came": case.came,
                }
                for case in run.boundaries.failures
            ],
        },
        "mutation": None if run.mutation is None else _mutation(run.mutation),
    }


def _case(result: CaseResult) -> Document:
    expected = result.case.expected
    return {
        "name": result.case.name,
        "bar": result.bar,
        "passed": result.passed,
        "expected": {"outcome": expected.outcome, "because": expected.because},
        "verdict": result.verdict.verdict,
        "problem": result.problem or None,
        "deciding": [gate.model_dump(mode="json") for gate in result.decisive],
        "span": span_json(result.case.span),
    }


def _mutation(found: MutationRun) -> Document:
    return {
        "killed": found.killed,
        "refused": found.refused,
        "without_effect": found.without_effect,
        "score_percent": found.score.numerator * 100 // found.score.denominator,
        "survivors": [
            {
                "gate": survivor.mutant.key,
                "change": survivor.mutant.change,
                "span": span_json(survivor.mutant.span),
                "missing": survivor.missing or None,
            }
            for survivor in found.survivors
        ],
    }


def junit(runs: Sequence[FileRun]) -> str:
    """JUnit XML: a suite for each file; boundary cases that failed are tests of their own."""
    suites = [_suite(run) for run in runs]
    head = ('<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>")
    return "\n".join([*head, *suites, "</testsuites>"])


def _suite(run: FileRun) -> str:
    cases = [_junit_case(run.filename, _title(result), *_failure(result)) for result in run.results]
    for case in run.boundaries.failures:
        message = f"must be {case.expected}, came {case.came}"
        name = f"boundary of {case.gate} in {case.bar}: {case.place}"
        cases.append(_junit_case(run.filename, name, message, ""))
    if not run.tested:
        cases.append(_junit_case(run.filename, "tests", "no test in this file", ""))
    failed = sum(not result.passed for result in run.results) + len(run.boundaries.failures)
    failed += not run.tested
    head = f'  <testsuite name={_attribute(run.filename)} tests="{len(cases)}" failures="{failed}">'
    return "\n".join([head, *cases, "  </testsuite>"])


def _title(result: CaseResult) -> str:
    return f"{result.case.name} [{result.bar}, {wanted(result.case.expected)}]"


def _failure(result: CaseResult) -> tuple[str, str]:
    return result.problem, "; ".join(_reason(gate) for gate in result.decisive)


def _reason(gate: GateResult) -> str:
    return f"{gate.id}: {gate.reason}"


def _junit_case(filename: str, name: str, problem: str, detail: str) -> str:
    head = f"    <testcase classname={_attribute(filename)} name={_attribute(name)}"
    if not problem:
        return head + "/>"
    message = _attribute(problem + (f" ({detail})" if detail else ""))
    return f"{head}><failure message={message}/></testcase>"


def _attribute(value: str) -> str:
    """Quoted and escaped; characters that XML cannot hold are spelt out."""
    return quoteattr(printable(value))
