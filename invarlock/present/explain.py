"""A report explained gate by gate, with exact digits and the line of the policy that asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from invarlock.judge.records import Report, ReportedGate
from invarlock.present import words


def explain_lines(report: Report, sources: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Text for people; ``sources`` holds the lines of the policy's files, by their path in the run,
    as far as they are known."""
    yield f"{report.verdict.upper()}: {words.MEANING[report.verdict]} {words.summary(report)}"
    yield f"bar: {report.policy.name} {report.policy.version}, {report.policy.bar}"
    for gate in words.in_reading_order(report.gates):
        yield ""
        file = words.source_name(gate, report)
        yield from _gate_lines(gate, sources.get(gate.span.file, ()), file)


def _gate_lines(gate: ReportedGate, source: Sequence[str], file: str) -> Iterator[str]:
    yield f"{words.SHAPE[gate.verdict]} {gate.verdict}  {gate.level} {gate.id} {gate.bound}"
    if gate.observed is not None:
        unit = f" {gate.unit}" if gate.margin is not None else ""
        yield f"    observed  {gate.observed}{unit}"
    if gate.interval is not None:
        yield f"    interval  [{gate.interval[0]}, {gate.interval[1]}]"
    if gate.margin is not None:
        side = "outside" if gate.margin.startswith("-") else "inside"
        yield f"    margin    {gate.margin} ({side} the bound)"
    if gate.reason:
        yield f"    reason    {gate.reason}"
    line = gate.span.line
    shown = f"  {source[line - 1].strip()}" if 0 < line <= len(source) else ""
    yield f"    source    {file}:{line}:{gate.span.column}{shown}"


def explanation(report: Report) -> dict[str, object]:
    """The same as data, schema ``invarlock.explanation/1``."""
    return {
        "version": "invarlock.explanation/1",
        "verdict": report.verdict,
        "summary": words.summary(report),
        "bar": report.policy.model_dump(mode="json"),
        "gates": [gate.model_dump(mode="json") for gate in words.in_reading_order(report.gates)],
    }
