"""The page: complete, escaped, and closed to scripts and requests."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from invarlock.present.html import render_html
from tests.present import reports

VOID = {"meta"}


class Page(HTMLParser):
    """Tags and attributes of a page; fails on one that is closed out of turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("make", [reports.passing, reports.failing, reports.undecided])
def test_every_gate_is_on_the_page(make: object) -> None:
    assert callable(make)
    report = make()
    text = Page(render_html(report)).text
    assert report.verdict in text
    for gate in report.gates:
        assert gate.id in text
        assert gate.reason in text
    for file in (*report.files, *report.subject.files, *report.baseline.files):
        assert file.digest in text
    for digest in (report.policy.bar_digest, report.subject.digest, report.evidence_digest):
        assert digest in text
    assert "What this does not show" in text


def test_the_page_fetches_and_runs_nothing() -> None:
    text = render_html(reports.failing())
    page = Page(text)
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "svg"})
    assert page.links == []
    assert not any(name.startswith("on") for name in page.attributes)
    assert "default-src 'none'" in text
    assert re.search(r"url\(|@import|https?:", text) is None


def test_names_cannot_write_markup() -> None:
    hostile = '<script>alert(1)</script>"><img src=x onerror=y>'
    report = reports.renamed(reports.passing(), subject=hostile, data=hostile, policy=hostile)
    page = Page(render_html(report))
    assert page.tags.isdisjoint({"script", "img"})
    assert hostile in page.text  # shown, as the text that it is


def test_the_page_is_a_pure_function() -> None:
    assert render_html(reports.failing()) == render_html(reports.failing())
    assert render_html(reports.failing()) != render_html(reports.passing())
