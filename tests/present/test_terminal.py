"""The terminal: plain where it is not one, and nothing lost either way."""

from __future__ import annotations

import io
import re

import pytest

from invarlock.judge.sources import SOURCE_FILE
from invarlock.present.explain import explain_lines, explanation
from invarlock.present.terminal import plain_lines, print_verdict, status_line
from tests.present import reports


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_output_has_no_escapes_and_every_gate() -> None:
    report = reports.failing()
    stream = io.StringIO()
    print_verdict(report, stream)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert text.startswith("FAIL")
    assert all(gate.id in text for gate in report.gates)


def test_columns_line_up() -> None:
    lines = plain_lines(reports.passing())
    head = next(line for line in lines if line.startswith("verdict"))
    rows = lines[lines.index(head) + 1 :]
    at = head.index("bound")
    assert all(row[at - 1] == " " and row[at] != " " for row in rows)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_gets_the_same_gates(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    report = reports.failing()
    stream = Terminal()
    print_verdict(report, stream)
    assert "FAIL" in stream.getvalue()
    assert all(gate.measure in stream.getvalue() for gate in report.gates)
    assert ("interval" in stream.getvalue()) == (columns == 120)
    assert max(len(line) for line in _visible(stream.getvalue())) <= columns


def _visible(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


def test_warnings_are_told() -> None:
    assert any(line.startswith("warning: kl.mean") for line in plain_lines(reports.warned()))
    assert not any(line.startswith("warning") for line in plain_lines(reports.passing()))


def test_status_writes_plain_lines_once() -> None:
    stream = io.StringIO()
    with status_line(stream) as say:
        say("hashing")
        say("hashing")
        say("judging")
    assert stream.getvalue() == "hashing\njudging\n"


def test_status_moves_in_a_terminal() -> None:
    stream = Terminal()
    with status_line(stream) as say:
        say("[hashing]")
        say("scored 8 of 128 windows")
        say("judging")
    assert "judging" in stream.getvalue()
    assert stream.getvalue().startswith("\x1b[?25l")  # the cursor goes, and comes back
    assert "\x1b[?25h" in stream.getvalue()


def test_explanation_has_exact_digits_and_the_source_line() -> None:
    report = reports.failing()
    source = [f"require line {n}" for n in range(1, 40)]
    lines = list(explain_lines(report, {SOURCE_FILE: source}))
    text = "\n".join(lines)
    for gate in report.gates:
        assert gate.interval is None or gate.interval[0] in text
        assert f"p.invar:{gate.span.line}:1  require line {gate.span.line}" in text
    assert "outside the bound" in text
    assert explanation(report)["verdict"] == "fail"


def test_explanation_does_without_the_source() -> None:
    lines = list(explain_lines(reports.failing(), {}))
    assert any(line.endswith("p.invar:1:1") for line in lines)
