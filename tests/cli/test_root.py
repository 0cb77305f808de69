"""The root of the command line: help, usage errors, and no traceback for anybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import invarlock.cli as root
from invarlock.errors import CODES
from tests.conftest import Command


def test_help_names_every_command(invarlock: Command) -> None:
    done = invarlock("--help")
    assert done.returncode == 0
    for name in ("policy", "evaluate", "attest", "verify", "report", "key"):
        assert name in done.stdout


@pytest.mark.parametrize("args", [["polcy"], ["policy", "chek"], ["evaluate"], ["--nope"]])
def test_usage_is_one_line_and_exit_2(invarlock: Command, args: list[str]) -> None:
    done = invarlock(*args)
    assert done.returncode == 2
    assert done.stderr.startswith("invarlock: [INVARLOCK:E701] ")
    assert done.stderr.count("\n") == 1


def test_errors_as_json(invarlock: Command, tmp_path: Path) -> None:
    done = invarlock("policy", "digest", tmp_path / "none.invar", "--format", "json")
    document = json.loads(done.stdout)
    assert document["schema"] == "invarlock.error/1"
    assert document["code"] == "E601"
    assert document["exit"] == done.returncode == 6


def test_a_bad_policy_as_json_names_every_error(invarlock: Command, tmp_path: Path) -> None:
    policy = tmp_path / "bad.invar"
    policy.write_text(
        'invar 1\npolicy x "1"\ntask = causal_lm\n'
        "tier a {\n require perplexity.ration <= 1.1\n require kl.mean <= 5 pp\n}\n"
    )
    done = invarlock("policy", "digest", policy, "--format", "json")
    document = json.loads(done.stdout)
    assert done.returncode == 2
    assert [d["code"] for d in document["diagnostics"] if d["severity"] == "error"] == [
        "E102",
        "E103",
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (MemoryError(), 6), (ZeroDivisionError("x\ny"), 70)],
)
def test_whatever_is_raised_becomes_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    def fails(args: list[str]) -> int:
        raise error

    monkeypatch.setattr(root, "_run", fails)
    assert root.main([]) == code
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert printed.err.count("\n") == 1


def test_every_code_has_a_title_and_a_remedy() -> None:
    for code, entry in CODES.items():
        assert code[0] == "E"
        assert code[1:].isdigit()
        assert entry.title
        assert entry.remedy
