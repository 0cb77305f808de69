"""Policies that include others: linted with what they include, fixed and formatted alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.authoring.lint import lint
from invarlock.cli import main
from invarlock.policy import load_policy
from invarlock.policy.reference import include_reader
from tests.authoring.lint.support import HEAD

HOUSE = HEAD + "tier base {\n  require kl.mean.point <= 0.1\n  require perplexity.drift <= 1.1\n}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    house = tmp_path / "house.invar"
    house.write_text(HOUSE)
    digest = load_policy(house).ir.digest
    path = tmp_path / "p.invar"
    path.write_text(
        f'{HEAD}include "house.invar" {digest} as house\n'
        "tier t refines house.base { require   kl.p99 <= 1 }\n"
    )
    return path


def test_findings_are_of_the_file_itself(path: Path) -> None:
    reader = include_reader(path.parent)
    found = lint(path.read_bytes(), filename="p.invar", includes=reader)
    assert {hit.span.file for hit in found} == {""}
    rules = {hit.rule for hit in found}
    assert "unit-words" in rules
    assert "point-alone" not in rules
    assert "point-alone" in {hit.rule for hit in lint(HOUSE.encode(), filename="house.invar")}


def test_fix_and_fmt_keep_the_digest(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = load_policy(path).ir.digest
    assert main(["policy", "fmt", str(path)]) == 0
    assert "{ require kl.p99 <= 1 }" in path.read_text()
    assert load_policy(path).ir.digest == before
    assert main(["policy", "lint", "--fix", "--rule", "unit-words", str(path)]) == 0
    assert "1 fixed" in capsys.readouterr().out
    assert "{ require kl.p99 <= 1 nats }" in path.read_text()
    assert load_policy(path).ir.digest == before


def test_an_include_that_cannot_be_read_is_left_to_the_compiler(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path.parent / "house.invar").unlink()
    assert main(["policy", "lint", str(path)]) == 2
    assert "E124" in capsys.readouterr().err
