"""Order, numbers and sentences that terminal and page share."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.judge.report import build_report
from invarlock.present import words
from invarlock.present.html import render_html
from invarlock.present.terminal import plain_lines
from tests.builders import Synthetic, report_inputs, root_of
from tests.present import reports


def test_gates_that_decided_come_first() -> None:
    report = reports.failing()
    ordered = words.in_reading_order(report.gates)
    failed = [gate for gate in report.gates if gate.verdict == "fail"]
    assert failed
    assert {gate.id for gate in ordered[: len(failed)]} == {gate.id for gate in failed}
    assert sorted(gate.id for gate in ordered) == sorted(gate.id for gate in report.gates)


def test_deciding_names_the_required_gates_of_the_verdict_only() -> None:
    report = reports.failing()
    assert {gate.verdict for gate in words.deciding(report)} == {"fail"}
    assert "perplexity.ratio" in words.summary(report)
    required = [gate for gate in reports.passing().gates if gate.level == "require"]
    assert len(words.deciding(reports.passing())) == len(required)


def test_a_warning_is_told_and_does_not_decide() -> None:
    report = reports.warned()
    assert report.verdict == "pass"
    assert [gate.id for gate in words.warnings(report)] == ["kl.mean"]
    assert "kl.mean" not in [gate.id for gate in words.deciding(report)]
    assert words.warnings(reports.failing()) == ()


def test_undecided_says_so() -> None:
    report = reports.undecided()
    assert report.verdict == "inconclusive"
    assert "cannot be decided" in words.summary(report)


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        (None, "–"),
        ("24", "24"),
        ("1.1", "1.1"),
        ("1.160012345", "1.1600"),
        ("0.000012345", "0.000012"),
        ("-0.5", "-0.5"),
        ("-3.718310917", "-3.7183"),
        ("0", "0"),
        ("sandbox", "sandbox"),
        ("sha256:" + "0" * 64, "sha256:" + "0" * 64),
        ("infinity", "infinity"),
    ],
)
def test_short_numbers(exact: str | None, shown: str) -> None:
    assert words.short(exact) == shown


@given(st.decimals(min_value=-1000, max_value=1000, places=9))
def test_a_short_number_is_near_the_exact_one(value: Decimal) -> None:
    shown = Decimal(words.short(format(value, "f")))
    assert abs(shown - value) <= Decimal("0.00005")
    assert (shown == 0) == (value == 0)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (538_090_408, "538.1 MB")]
)
def test_sizes(count: int, text: str) -> None:
    assert words.size(count) == text


def test_margins_carry_their_sign() -> None:
    assert words.signed("0.0312") == "+0.0312"
    assert words.signed("-0.0312") == "-0.0312"
    assert words.signed(None) == "–"


def test_tokenizer_files_that_differ_in_bytes_are_noted() -> None:
    inputs = report_inputs(Synthetic())
    other = inputs.subject_files
    alike = (*other[:-1], inputs.baseline_files[-1])
    for subject, names in ((other, ("tokenizer.json",)), (alike, ())):
        header = inputs.evidence.header
        arm = header.subject.model_copy(update={"root": root_of(subject)})
        evidence = replace(inputs.evidence, header=header.model_copy(update={"subject": arm}))
        report = build_report(replace(inputs, evidence=evidence, subject_files=subject))
        assert report.tokenizer_files == names
        assert bool(words.notes(report)) is bool(names)
        assert ("note: the arms' tokenizers" in "\n".join(plain_lines(report))) is bool(names)
        assert ("Note: the arms&#39; tokenizers" in render_html(report)) is bool(names)
