"""``invarlock policy lint`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from invarlock.authoring.lint.names import NAMES
from invarlock.cli import main
from tests.authoring.lint.support import HEAD

WARNED = HEAD + "tier t { require perplexity.ratio.point <= 1.10 }\n"
INFO = HEAD + "tier t { require kl.mean <= 0.1 }\n"


@pytest.fixture
def warned(tmp_path: Path) -> Path:
    path = tmp_path / "warned.invar"
    path.write_text(WARNED)
    return path


@pytest.fixture
def info(tmp_path: Path) -> Path:
    path = tmp_path / "info.invar"
    path.write_text(INFO)
    return path


def test_a_warning_is_exit_1_and_an_info_is_not(
    warned: Path, info: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "lint", "--rule", "point-alone", str(warned), str(info)]) == 1
    out = capsys.readouterr().out
    assert f"{warned}:6:18: warning [INVARLOCK:E133] point-alone: " in out
    assert "    6 | tier t { require perplexity.ratio.point <= 1.10 }\n" in out
    assert "      |                  ^^^^^^^^^^^^^^^^^^^^^^\n" in out
    assert f"{warned}: 1 warning, 0 infos\n{info}: nothing found\n" in out
    assert main(["policy", "lint", "--rule", "unit-words", str(info)]) == 0
    out = capsys.readouterr().out
    assert "info [INVARLOCK:E133] unit-words: " in out
    assert f"{info}: 0 warnings, 1 info; 1 can be mended by --fix\n" in out


def test_several_rules(warned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["--rule", "point-alone", "--rule", "no-about"]
    assert main(["policy", "lint", *rules, str(warned)]) == 1
    assert f"{warned}: 1 warning, 1 info\n" in capsys.readouterr().out


def test_an_unknown_rule_is_a_mistake(warned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", "--rule", "no-abot", str(warned)]) == 2
    assert "did you mean `no-about`?" in capsys.readouterr().err


def test_fix_writes_in_place_and_reports_what_is_left(
    info: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info.chmod(0o600)
    rules = ["--rule", "unit-words", "--rule", "no-about"]
    assert main(["policy", "lint", "--fix", *rules, str(info)]) == 0
    assert info.read_text() == INFO.replace("0.1 }", "0.1 nats }")
    assert info.stat().st_mode & 0o777 == 0o600
    out = capsys.readouterr().out
    assert "no-about" in out
    assert f"{info}: 0 warnings, 1 info, 1 fixed\n" in out


def test_what_does_not_compile_is_exit_2_and_stays(
    warned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.invar"
    bad.write_text(HEAD + "tier t { require kl.maen <= 1 }\n")
    assert main(["policy", "lint", "--fix", str(bad), str(warned)]) == 2
    captured = capsys.readouterr()
    assert f"{bad}:6:18: error [INVARLOCK:E102]" in captured.err
    assert f"{bad}: not linted\n" in captured.out
    assert "point-alone" in captured.out
    assert bad.read_text() == HEAD + "tier t { require kl.maen <= 1 }\n"


def test_an_absent_file_is_exit_6(warned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", "absent.invar", str(warned)]) == 6
    assert "absent.invar: error [INVARLOCK:E601]" in capsys.readouterr().err


def test_as_json(warned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "lint", "--format", "json", str(warned)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "invarlock.policy.lint/1"
    (file,) = document["files"]
    hit = next(hit for hit in file["findings"] if hit["rule"] == "point-alone")
    assert (hit["code"], hit["severity"], hit["fixable"]) == ("E133", "warning", False)
    assert hit["span"] == {"line": 6, "column": 18, "end_line": 6, "end_column": 40}
    assert (file["fixed"], file["diagnostics"]) == ([], [])


def test_as_sarif(warned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.invar"
    bad.write_text(HEAD + "tier t { require kl.maen <= 1 }\n")
    assert main(["policy", "lint", "--format", "sarif", str(warned), str(bad)]) == 2
    captured = capsys.readouterr()
    (run,) = json.loads(captured.out)["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == {*NAMES, "E102"}
    assert "## Prefer" in rules["point-alone"]["help"]["text"]
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels["point-alone"] == "warning"
    assert levels["no-about"] == "note"
    assert levels["E102"] == "error"
    assert captured.err == ""
