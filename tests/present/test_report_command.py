"""``invarlock report``: reads a run strictly, writes beside and renames."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from invarlock.cli import main
from tests.present import reports


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "evaluation.report.json").write_bytes(reports.failing().encode())
    return folder


def test_html_is_written_into_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "html", str(run)]) == 0
    assert "perplexity.ratio" in (run / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []
    assert "report.html" in capsys.readouterr().out


def test_html_goes_where_it_is_told(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    assert main(["report", "html", str(run), "-o", str(target)]) == 0
    assert target.is_file()
    assert not (run / "report.html").exists()


def test_a_bundle_stands_for_its_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = run / "attestation.sigstore.json"
    bundle.write_text("{}", encoding="utf-8")
    assert main(["report", "explain", str(bundle)]) == 0
    assert capsys.readouterr().out.startswith("FAIL")


def test_explain_as_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "explain", str(run), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == "invarlock.explanation/1"
    assert document["verdict"] == "fail"


def test_an_absent_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "html", str(tmp_path / "none")]) == 6
    assert "[INVARLOCK:E601]" in capsys.readouterr().err


def test_a_report_with_an_unknown_field(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "evaluation.report.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, "extra": 1}), encoding="utf-8")
    assert main(["report", "explain", str(run)]) == 4
    assert "[INVARLOCK:E405]" in capsys.readouterr().err
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["report", "explain", str(run)]) == 0
