"""The four policy commands as a user types them: output, schema, exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from invarlock.canonical import digest_json
from invarlock.policy import load_policy
from invarlock.policy.read_ir import read_policy_ir
from tests.conftest import ROOT, Command
from tests.policy.support import policy

STANDARD = "policies/causal_lm.invar"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.invar"
    path.write_text(policy("require perplexity.ratoi <= 1\nrequire = 2"))
    return path


def test_check_of_a_valid_policy(invarlock: Command) -> None:
    done = invarlock("policy", "check", STANDARD)
    assert done.returncode == 0
    assert done.stdout == f"{STANDARD}: valid, 3 tiers, 3 profiles, 12 bars\n"
    assert "warning [INVARLOCK:E117]" in done.stderr


def test_check_prints_all_of_all_files_and_exits_2(invarlock: Command, bad: Path) -> None:
    done = invarlock("policy", "check", bad, STANDARD, bad)
    assert done.returncode == 2
    assert done.stderr.count("[INVARLOCK:E102]") == 1
    assert done.stderr.count("[INVARLOCK:E101]") == 1
    assert "did you mean `perplexity.ratio`?" in done.stderr
    assert (
        "    4 | require perplexity.ratoi <= 1\n      |         ^^^^^^^^^^^^^^^^\n" in done.stderr
    )
    assert f"{bad}: 2 errors\n" in done.stdout
    assert "Traceback" not in done.stderr


def test_check_as_json(invarlock: Command, bad: Path) -> None:
    done = invarlock("policy", "check", bad, STANDARD, "--format", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (2, "")
    assert document["schema"] == "invarlock.policy.check/1"
    assert document["valid"] is False
    first, second = document["files"]
    assert [d["code"] for d in first["diagnostics"]] == ["E102", "E101"]
    assert first["diagnostics"][0]["span"] == {
        "line": 4,
        "column": 9,
        "end_line": 4,
        "end_column": 25,
    }
    assert second["policy_digest"] == load_policy(ROOT / STANDARD).ir.digest


def test_a_file_that_cannot_be_read_hides_no_other(invarlock: Command, bad: Path) -> None:
    done = invarlock("policy", "check", bad, "absent.invar", STANDARD)
    assert done.returncode == 6
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == [
        "2 errors",
        "not read",
        "valid, 3 tiers, 3 profiles, 12 bars",
    ]
    absent = "absent.invar: error [INVARLOCK:E601] `absent.invar` does not exist; check the path\n"
    assert absent in done.stderr
    assert "did you mean `perplexity.ratio`?" in done.stderr
    assert "Traceback" not in done.stderr
    assert invarlock("policy", "check", bad, STANDARD).returncode == 2


def test_a_file_that_cannot_be_read_as_json(invarlock: Command, bad: Path) -> None:
    done = invarlock("policy", "check", "absent.invar", bad, STANDARD, "--format=json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr, document["valid"]) == (6, "", False)
    absent, faulty, valid = document["files"]
    assert absent == {
        "file": "absent.invar",
        "valid": False,
        "policy_digest": None,
        "diagnostics": [
            {
                "code": "E601",
                "severity": "error",
                "message": "`absent.invar` does not exist",
                "hint": "check the path",
                "file": "absent.invar",
                "span": None,
                "other": None,
                "other_file": None,
                "title": "path does not exist",
            }
        ],
    }
    assert [d["code"] for d in faulty["diagnostics"]] == ["E102", "E101"]
    assert valid["valid"] is True


@pytest.mark.parametrize(
    ("name", "code", "exit_code"),
    [("absent.invar", "E601", 6), ("x" * 300, "E601", 6), ("policies", "E115", 2)],
)
def test_unreadable_files_have_their_own_codes(
    invarlock: Command, name: str, code: str, exit_code: int
) -> None:
    done = invarlock("policy", "check", name, STANDARD)
    assert done.returncode == exit_code
    assert f"{name}: error [INVARLOCK:{code}] " in done.stderr
    assert f"{STANDARD}: valid" in done.stdout
    assert "Traceback" not in done.stderr


def test_compile_writes_the_ir_whole(invarlock: Command, bad: Path, tmp_path: Path) -> None:
    out = tmp_path / "ir.json"
    done = invarlock("policy", "compile", STANDARD, "-o", out)
    assert done.returncode == 0
    ir = read_policy_ir(out.read_bytes())
    assert ir == load_policy(ROOT / STANDARD).ir
    assert done.stdout == f"{ir.digest}  {out}\n"
    assert invarlock("policy", "compile", STANDARD).stdout == out.read_text()
    before = out.read_bytes()
    assert invarlock("policy", "compile", bad, "-o", out).returncode == 2
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert invarlock("policy", "compile", STANDARD, "-o", tmp_path / "no" / "ir").returncode == 6


def test_digests(invarlock: Command) -> None:
    compiled = load_policy(ROOT / STANDARD)
    lines = invarlock("policy", "digest", STANDARD).stdout.splitlines()
    assert lines[0] == f"{compiled.ir.digest}  policy causal_lm {compiled.version}"
    assert dict(line.split("  ")[::-1] for line in lines[1:]) == {
        name: bar.digest for name, bar in compiled.ir.bars.items()
    }
    one = invarlock("policy", "digest", f"{STANDARD}#balanced+dev")
    bar = compiled.ir.bars["balanced+dev"]
    assert one.stdout == bar.digest + "\n"
    assert bar.digest == digest_json(bar.document())
    document = json.loads(invarlock("policy", "digest", STANDARD, "--format=json").stdout)
    assert document["schema"] == "invarlock.policy.digest/1"
    assert document["bars"]["balanced+dev"] == bar.digest


def test_show(invarlock: Command) -> None:
    text = invarlock("policy", "show", f"{STANDARD}#balanced+ci").stdout
    compiled = load_policy(ROOT / STANDARD)
    place = compiled.spans["balanced+ci"]["perplexity.ratio"]
    row = next(row for row in text.splitlines() if "  perplexity.ratio  " in row)
    assert row.startswith("require  ")
    assert "<= 1.1" in row
    assert row.endswith(f"  line {place.line}, tier balanced")
    document = json.loads(
        invarlock("policy", "show", f"{STANDARD}#balanced+ci", "--format", "json").stdout
    )
    assert document["bar_digest"] == compiled.ir.bars["balanced+ci"].digest
    assert len(document["gates"]) == len(compiled.ir.bars["balanced+ci"].gates)


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("show", STANDARD), "E107", 2),
        (("show", f"{STANDARD}#balance"), "E107", 2),
        (("digest", f"{STANDARD}#balanced+day"), "E107", 2),
        (("digest", f"{STANDARD}#"), "E701", 2),
        (("compile", "absent.invar"), "E601", 6),
        (("compile", "policies"), "E115", 2),
        (("check",), "E701", 2),
    ],
)
def test_faults(invarlock: Command, arguments: tuple[str, ...], code: str, exit_code: int) -> None:
    done = invarlock("policy", *arguments)
    assert done.returncode == exit_code
    assert f"[INVARLOCK:{code}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_checking_a_policy_loads_nothing_heavy() -> None:
    """The cold path: what `policy check` imports decides how long it takes."""
    program = (
        "import sys; from invarlock.cli import main; main(['policy', 'check', sys.argv[1]]);"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, STANDARD],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "invarlock.policy.tables" in loaded
    heavy = {"lark", "numpy", "torch", "rich", "jinja2", "cryptography", "scipy", "difflib"}
    assert loaded & heavy == set()
