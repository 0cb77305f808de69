"""``invarlock report``: a run's report for people. Reads it strictly, decides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from invarlock.judge.records import Report

_RUN = click.argument("run", type=click.Path(path_type=Path))
_FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_MAX_SOURCE: Final = 1 << 20
_PAGE: Final = "report.html"


@click.group()
def report() -> None:
    """Render a run for people.

    It is `invarlock verify` that proves anything.
    """


@report.command()
@_RUN
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File, or - for stdout.")
@_FORMAT
def html(run: Path, output: Path | None, form: str) -> None:
    """Write the report of RUN (or of the run beside a BUNDLE) as one self-contained page."""
    from invarlock.present.html import render_html

    folder = _folder(run)
    page = render_html(_read(folder))
    if output is not None and str(output) == "-":
        click.echo(page, nl=False)
        return
    target = folder / _PAGE if output is None else output
    _write(target, page)
    if form == "json":
        click.echo(json.dumps({"version": "invarlock.rendered/1", "html": str(target)}))
    else:
        click.echo(f"written to {target}")


@report.command()
@_RUN
@_FORMAT
def explain(run: Path, form: str) -> None:
    """Say for each gate of RUN what was asked, what was seen, by how much, and why."""
    from invarlock.present.explain import explain_lines, explanation

    found = _read(_folder(run))
    if form == "json":
        click.echo(json.dumps(explanation(found), ensure_ascii=False, indent=2))
        return
    for line in explain_lines(found, _sources(_folder(run), found)):
        click.echo(line)


def _folder(run: Path) -> Path:
    """The run's folder, also where its bundle is named."""
    return run.parent if run.is_file() else run


def _read(folder: Path) -> Report:
    from invarlock.attest.parse import parse_model
    from invarlock.attest.predicate import REPORT_FILE
    from invarlock.judge.records import MAX_REPORT_BYTES, Report
    from invarlock.verify.run_folder import open_run

    with open_run(folder) as opened:
        data = opened.read(REPORT_FILE, MAX_REPORT_BYTES)
    return parse_model(Report, data, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES)


def _sources(folder: Path, found: Report) -> dict[str, list[str]]:
    """Lines of the policy's files in the run, of those that have the digest which the report
    names."""
    from invarlock.canonical import digest_bytes
    from invarlock.errors import InvarlockError
    from invarlock.verify.run_folder import open_run

    named = {gate.span.file for gate in found.gates}
    lines: dict[str, list[str]] = {}
    with open_run(folder) as opened:
        for record in found.files:
            if record.path not in named:
                continue
            try:
                data = opened.read(record.path, _MAX_SOURCE)
            except InvarlockError:
                continue  # the explanation does without: the source is a help, not the matter
            if digest_bytes(data) == record.digest:
                lines[record.path] = data.decode("utf-8", errors="replace").splitlines()
    return lines


def _write(target: Path, text: str) -> None:
    """Write beside ``target``, then rename: a page is whole or not there."""
    beside = target.with_name(f".{target.name}.partial")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
