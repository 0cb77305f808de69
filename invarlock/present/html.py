"""A report as one self-contained HTML page: no script, no request, nothing to fetch.

Names in a report come from whoever ran the evaluation, so everything is escaped, and the page
forbids itself scripts and requests besides.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from invarlock.judge.records import Report
from invarlock.present import words

if TYPE_CHECKING:
    from jinja2 import Template


def render_html(report: Report) -> str:
    """The page for ``report``; a pure function of it."""
    return _template().render(
        report=report,
        gates=words.in_reading_order(report.gates),
        warned=words.warnings(report),
        notes=words.notes(report),
        summary=words.summary(report),
        meaning=words.MEANING[report.verdict],
        not_shown=words.NOT_SHOWN,
        models=[
            (title, name, model, device)
            for title, name, model, device in (
                ("Baseline", report.names.baseline, report.baseline, report.device.baseline),
                ("Subject", report.names.subject, report.subject, report.device.subject),
            )
            if model is not None
        ],
    )


@cache
def _template() -> Template:
    """The page's template; kept, since compiling it costs more than filling it in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("invarlock.present", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "short": words.short,
        "interval": words.interval,
        "signed": words.signed,
        "size": words.size,
        "place": words.place,
        "shape": words.SHAPE.get,
    }
    return environment.get_template("report.html.j2")
