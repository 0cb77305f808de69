"""`invarlock policy test`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from invarlock.cli import main
from tests.conftest import ROOT

STANDARD = str(ROOT / "policies" / "causal_lm.invar")
POLICY = """invar 1
policy sample "1.0.0"
task = causal_lm
tier t {
  require perplexity.ratio <= 1.10
  require top1.agreement >= 90%
  warn kl.mean <= 0.05 nats
}
profile ci { require windows.final >= 240 }
"""
PASSES = 'test "within" { given perplexity.ratio = 1.10; expect pass }\n'
FAILS = 'test "beyond" { given perplexity.ratio = 1.11; expect pass }\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p.invar"
    path.write_text(POLICY + PASSES)
    return path


def test_a_test_that_passes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{file}: 1 of 1 test passed; ")
    assert "boundary cases over 2 bars" in out


def test_a_test_that_fails_says_what_came_and_why(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(POLICY + PASSES + FAILS)
    assert main(["policy", "test", str(file)]) == 1
    out = capsys.readouterr().out
    assert f"{file}:11:6: error [INVARLOCK:E130] the test `beyond` on `t`: " in out
    assert "expected pass, came fail" in out
    assert (
        f"  {file}:5:3: fail perplexity.ratio: interval [1.11, 1.11] misses `<= 1.1`, "
        "margin -0.01 ratio\n" in out
    )
    assert "1 of 2 tests passed" in out


@pytest.mark.parametrize("words", [["--filter", "no such name"], []])
def test_no_test_is_no_success(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    if not words:
        file.write_text(POLICY)
    assert main(["policy", "test", str(file), *words]) == 2
    taken = capsys.readouterr()
    assert "[INVARLOCK:E131]" in taken.err
    assert taken.out == ""
    file.write_text(POLICY + PASSES)
    assert main(["policy", "test", str(file), "--filter", "WITH"]) == 0


def test_each_file_has_tests(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare, failing = file.with_name("bare.invar"), file.with_name("failing.invar")
    bare.write_text(POLICY)
    failing.write_text(POLICY + FAILS)
    for names in ([file, bare], [bare, file], [failing, bare]):
        assert main(["policy", "test", *map(str, names)]) == 2
        taken = capsys.readouterr()
        assert f"[INVARLOCK:E131] no test in `{bare}`" in taken.err
        assert " of 1 test passed" in taken.out
        assert "bare.invar" not in taken.out
    for form in ("json", "junit"):
        assert main(["policy", "test", str(file), str(bare), "--format", form]) == 2
        out = capsys.readouterr().out
        if form == "json":
            document = json.loads(out)
            assert not document["passed"]
            assert [found["passed"] for found in document["files"]] == [True, False]
        else:
            suites = ElementTree.fromstring(out)  # noqa: S314 - our own output
            assert [suite.get("failures") for suite in suites] == ["0", "1"]
    bare.write_text(POLICY + PASSES.replace("within", "other"))
    assert main(["policy", "test", str(file), str(bare)]) == 0
    assert main(["policy", "test", str(file), str(bare), "--filter", "within"]) == 0
    assert f"{bare}: no test chosen; " in capsys.readouterr().out


def test_the_filter_chooses(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(POLICY + PASSES + FAILS)
    assert main(["policy", "test", str(file), "--filter", "within"]) == 0
    assert main(["policy", "test", str(file), "--filter", "beyond"]) == 1
    assert "1 of 1 test" in capsys.readouterr().out


def test_an_invalid_policy_is_no_failed_test(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(POLICY.replace("1.10", "5 pp") + PASSES)
    assert main(["policy", "test", str(file)]) == 2
    assert "[INVARLOCK:E103]" in capsys.readouterr().err


def test_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(POLICY + PASSES + FAILS)
    assert main(["policy", "test", str(file), "--format", "json", "--mutate"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "invarlock.policy.test/1"
    assert document["passed"] is False
    (found,) = document["files"]
    assert [test["passed"] for test in found["tests"]] == [True, False]
    failed = found["tests"][1]
    assert failed["expected"] == {"outcome": "pass", "because": None}
    assert failed["verdict"] == "fail"
    assert [gate["id"] for gate in failed["deciding"]] == ["perplexity.ratio"]
    assert failed["deciding"][0]["margin"] == "-0.01"
    assert found["boundaries"]["failures"] == []
    assert found["mutation"]["killed"] == 0


def test_junit(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = FAILS.replace("beyond", "<&>'")
    file.write_text(POLICY + PASSES + name)
    assert main(["policy", "test", str(file), "--format", "junit"]) == 1
    (suite,) = ElementTree.fromstring(capsys.readouterr().out)  # noqa: S314 - our own output
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "<&>'" in (suite[1].get("name") or "")
    assert "came fail" in (suite[1][0].get("message") or "")


def test_mutation_says_which_test_is_missing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "test", str(file), "--mutate"]) == 0
    out = capsys.readouterr().out
    assert f"{file}:5:3: no test notices `perplexity.ratio <= 1.10 → <= 1.11`" in out
    assert main(["policy", "test", str(file), "--mutate", "--fail-under", "100"]) == 1
    blocks = [f"test {part}".split("\n}")[0] + "\n}\n" for part in out.split("\ntest ")[1:]]
    assert len(blocks) == 4
    file.write_text(POLICY + PASSES + "".join(blocks))
    capsys.readouterr()
    assert main(["policy", "test", str(file), "--mutate", "--fail-under", "100"]) == 0
    assert "mutants killed (100%)" in capsys.readouterr().out
    assert main(["policy", "test", str(file), "--fail-under", "100"]) == 2
    assert "[INVARLOCK:E701]" in capsys.readouterr().err


def test_the_standard_policy_holds_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", STANDARD, "--mutate", "--fail-under", "100"]) == 0
    out = capsys.readouterr().out
    assert "boundary cases over 12 bars" in out
    assert "no test notices" not in out


def test_mutants_are_those_of_the_meaning_not_of_the_layout(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = 'require kl.mean  on"a  b"<0.1nats;require runtime.isolation in{\n sandbox }'
    file.write_text((POLICY + PASSES).replace("warn kl.mean <= 0.05 nats", gates, 1))
    assert main(["policy", "test", str(file), "--mutate", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["files"]
    by_gate: dict[str, list[str]] = {}
    for survivor in found["mutation"]["survivors"]:
        by_gate.setdefault(survivor["gate"], []).append(survivor["change"])
        assert survivor["missing"]
    assert by_gate['kl.mean on "a  b"'] == [
        "<0.1nats → < 0.2 nats",
        "<0.1nats → <= 0.1 nats",
        "require → warn",
        "<0.1nats → dropped",
    ]
    assert by_gate["runtime.isolation"][0].endswith("→ in {sandbox, host}")


def test_a_missing_case_is_found_where_another_gate_reads_the_value(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (f"sha256:{digit * 64}" for digit in "ab")
    pins = f"require data.digest in {{{first}, {second}}}\n"
    tier = f"require data.digest == {first}; warn perplexity.ratio.point <= 1.2"
    source = (POLICY + PASSES).replace("warn kl.mean <= 0.05 nats", tier)
    file.write_text(source.replace("tier t", f"{pins}tier t"))
    assert main(["policy", "test", str(file), "--mutate"]) == 0
    out = capsys.readouterr().out
    assert f"  given data.digest = {second}\n  expect fail because data.digest" in out
    assert "  given perplexity.ratio.point = 1.3 in [0.55, 0.55]\n" in out
    assert "no value of this gate tells them apart" not in out
