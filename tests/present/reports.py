"""Reports over synthetic evidence, for showing."""

from __future__ import annotations

from typing import Any

from invarlock.judge.records import Report
from invarlock.judge.report import build_report
from tests.builders import Synthetic, at_most, make_bar, report_inputs


def passing() -> Report:
    return build_report(report_inputs(Synthetic().edited(worse=0.02)))


def failing() -> Report:
    return build_report(report_inputs(Synthetic().edited(worse=0.15)))


def undecided() -> Report:
    """The standard bar, with so few documents that no interval exists."""
    return build_report(report_inputs(Synthetic(documents=6, per_document=6).edited()))


def warned() -> Report:
    """Passes, with a warning."""
    bar = make_bar(at_most("perplexity.ratio", "1.1"), at_most("kl.mean", "0.0001", level="warn"))
    return build_report(report_inputs(Synthetic(bar=bar).edited(worse=0.02)))


def renamed(report: Report, **names: Any) -> Report:
    """The same report with other names in it."""
    return report.model_copy(update={"names": report.names.model_copy(update=names)})
