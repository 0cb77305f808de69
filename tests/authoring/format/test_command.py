"""``invarlock policy fmt`` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from invarlock.cli import main
from tests.policy.support import HEAD, TIER

UGLY = HEAD + "tier t { require   perplexity.ratio<=1.10 # why\n}\n"
NEAT = HEAD.replace("task", "\ntask") + "\ntier t {\n  require perplexity.ratio <= 1.10  # why\n}\n"


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "ugly.invar"
    path.write_text(UGLY)
    return path


@pytest.fixture
def neat(tmp_path: Path) -> Path:
    path = tmp_path / "neat.invar"
    path.write_text(NEAT)
    return path


def test_writes_in_place_and_keeps_the_mode(
    ugly: Path, neat: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ugly.chmod(0o640)
    inode = neat.stat().st_ino
    assert main(["policy", "fmt", str(ugly), str(neat)]) == 0
    assert capsys.readouterr().out == f"{ugly}: formatted\n{neat}: unchanged\n"
    assert ugly.read_text() == NEAT
    assert ugly.stat().st_mode & 0o777 == 0o640
    assert neat.stat().st_ino == inode
    assert sorted(path.name for path in ugly.parent.iterdir()) == ["neat.invar", "ugly.invar"]


def test_a_link_stays_a_link(ugly: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.invar"
    link.symlink_to(ugly.name)
    assert main(["policy", "fmt", str(link)]) == 0
    assert link.is_symlink()
    assert ugly.read_text() == NEAT


def test_check_names_what_would_change(
    ugly: Path, neat: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "fmt", "--check", str(ugly), str(neat)]) == 1
    assert capsys.readouterr().out == f"{ugly}: would be formatted\n{neat}: unchanged\n"
    assert ugly.read_text() == UGLY
    assert main(["policy", "fmt", "--check", str(neat)]) == 0


def test_diff_is_unified_and_writes_nothing(ugly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "fmt", "--diff", str(ugly)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"--- {ugly}\n+++ {ugly} (formatted)\n@@ ")
    assert "\n-tier t { require   perplexity.ratio<=1.10 # why\n" in out
    assert "\n+  require perplexity.ratio <= 1.10  # why\n" in out
    assert ugly.read_text() == UGLY
    assert main(["policy", "fmt", "--diff", "--check", str(ugly)]) == 1


def test_diff_of_a_file_without_final_newline(
    neat: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    neat.write_text(NEAT.rstrip("\n"))
    assert main(["policy", "fmt", "--diff", str(neat)]) == 0
    assert capsys.readouterr().out.endswith("-}\n\\ No newline at end of file\n+}\n")


def _piped(source: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "invarlock", "policy", "fmt", "-", *options]
    return subprocess.run(command, input=source.encode(), capture_output=True, check=False)


def test_standard_input_to_standard_output() -> None:
    done = _piped(UGLY)
    assert (done.returncode, done.stdout, done.stderr) == (0, NEAT.encode(), b"")
    checked = _piped(UGLY, "--check")
    assert (checked.returncode, checked.stdout) == (1, b"")
    assert checked.stderr == b"<stdin>: would be formatted\n"
    document = json.loads(_piped(UGLY, "--format", "json").stdout)
    assert document["files"][0]["formatted"] == NEAT
    broken = _piped(UGLY + "require\n")
    assert (broken.returncode, broken.stdout) == (2, b"")
    assert b"<stdin>:6:8: error [INVARLOCK:E101]" in broken.stderr


def test_standard_input_stands_by_itself(ugly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "fmt", "-", str(ugly)]) == 2
    assert "E701" in capsys.readouterr().err
    assert ugly.read_text() == UGLY


def test_syntax_errors_are_shown_and_the_other_files_formatted(
    ugly: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.invar"
    bad.write_text(HEAD + "require   = 2\n" + TIER)
    assert main(["policy", "fmt", str(bad), str(ugly)]) == 2
    captured = capsys.readouterr()
    assert f"{bad}:4:11: error [INVARLOCK:E101]" in captured.err
    assert "    4 | require   = 2\n" in captured.err
    assert captured.out == f"{bad}: refused\n{ugly}: formatted\n"
    assert bad.read_text() == HEAD + "require   = 2\n" + TIER
    assert ugly.read_text() == NEAT


def test_an_absent_file_is_exit_6(ugly: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "fmt", "absent.invar", str(ugly)]) == 6
    assert "absent.invar: error [INVARLOCK:E601]" in capsys.readouterr().err
    assert ugly.read_text() == NEAT


def test_as_json(ugly: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.invar"
    bad.write_text("policy\n")
    assert main(["policy", "fmt", "--check", "--format", "json", str(ugly), str(bad)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "invarlock.policy.fmt/1"
    assert document["written"] is False
    first, second = document["files"]
    assert (first["changed"], first["diagnostics"], first["formatted"]) == (True, [], None)
    assert "+  require perplexity.ratio <= 1.10  # why\n" in first["diff"]
    assert (second["changed"], second["diff"]) == (False, "")
    assert {found["code"] for found in second["diagnostics"]} == {"E101"}
