"""`invarlock policy new` and `policy migrate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from invarlock.authoring import migrate
from invarlock.cli import main
from invarlock.errors import UsageFault
from invarlock.judge.contract import schedule_of
from invarlock.policy import compile_policy, load_policy
from invarlock.policy.catalogue import TASKS
from tests.policy.support import policy

SEED = "sha256:" + "0" * 64


@pytest.mark.parametrize("task", TASKS)
def test_a_starting_policy_is_complete(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "release-gate.invar"
    assert main(["policy", "new", str(path), "--task", task]) == 0
    assert "policy release_gate" in capsys.readouterr().out
    compiled = load_policy(path)
    assert (compiled.name, compiled.ir.task) == ("release_gate", task)
    assert set(compiled.ir.bars) == {"balanced", "balanced+ci"}
    for command in (["check"], ["fmt", "--check"], ["test", "--mutate", "--fail-under", "100"]):
        assert main(["policy", *command, str(path)]) == 0, command
    assert "mutants killed (100%)" in capsys.readouterr().out
    assert main(["policy", "lint", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: nothing found\n"


def test_every_bar_of_a_starting_policy_can_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my gate.invar"
    assert main(["policy", "new", str(path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"  invarlock evaluate --policy '{path}#balanced+ci' …"
    for name, windows in (("balanced", 64), ("balanced+ci", 240)):
        schedule = schedule_of(load_policy(path).ir.bars[name], SEED)
        assert (schedule.preview, schedule.final) == (windows, windows)
    gates, _, _ = path.read_text().partition("\ntest ")
    path.write_text(gates.replace("require windows.final         >= 64", ""))
    with pytest.raises(UsageFault) as caught:
        schedule_of(load_policy(path).ir.bars["balanced"], SEED)
    assert caught.value.code == "E004"


def test_an_existing_file_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.invar"
    path.write_text("mine")
    assert main(["policy", "new", str(path)]) == 2
    assert "[INVARLOCK:E137]" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert main(["policy", "new", str(path), "--force", "--name", "yours", "--format=json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "invarlock.policy.new/1"
    assert document["name"] == load_policy(path).name == "yours"


REFUSED = [
    (["p.invar", "--name", "Not A Name"], "E701", 2),
    (["p.invar", "--task", "chess"], "E701", 2),
    (["absent/p.invar"], "E601", 6),
    (["."], "E137", 2),
]


@pytest.mark.parametrize("refused", REFUSED)
def test_what_new_refuses(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    refused: tuple[list[str], str, int],
) -> None:
    words, code, exit_code = refused
    monkeypatch.chdir(tmp_path)
    assert main(["policy", "new", *words]) == exit_code
    assert f"[INVARLOCK:{code}]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert main(["policy", "new", "0-1.invar"]) == 0
    assert load_policy(tmp_path / "0-1.invar").name == "my_policy"


def test_the_current_version_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.invar"
    path.write_text(policy())
    before = path.stat().st_mtime_ns
    assert main(["policy", "migrate", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: already `invar 1`\n"
    assert path.stat().st_mtime_ns == before
    assert main(["policy", "migrate", str(path), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == [{"file": str(path), "changed": False, "language": 1}]


@pytest.mark.parametrize(
    ("source", "code"),
    [(policy().replace("invar 1", "invar 2").encode(), "E112"), (b"\xff\xfe", "E115")],
)
def test_what_migrate_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: bytes, code: str
) -> None:
    path = tmp_path / "p.invar"
    path.write_bytes(source)
    assert main(["policy", "migrate", str(path)]) == 2
    assert f"[INVARLOCK:{code}]" in capsys.readouterr().err
    assert path.read_bytes() == source


def test_migrations_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none yet: two made up ones show that the table is walked to its end."""
    steps = {
        "-1": lambda text: text.replace("invar -1", "invar 0").replace("perplexity", "ppl"),
        "0": lambda text: text.replace("invar 0", "invar 1").replace("ppl", "perplexity"),
    }
    monkeypatch.setattr(migrate, "MIGRATIONS", steps)
    old = policy().replace("invar 1", "invar -1").encode()
    assert migrate.migrate(old) == policy().encode()
    compile_policy(migrate.migrate(old), filename="p.invar")


def test_migrate_keeps_mode_and_link_and_writes_all_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {"0": lambda text: text.replace("invar 0", "invar 1")}
    monkeypatch.setattr(migrate, "MIGRATIONS", steps)
    path, link, bad = (tmp_path / name for name in ("p.invar", "link.invar", "bad.invar"))
    old = policy().replace("invar 1", "invar 0")
    path.write_text(old)
    path.chmod(0o640)
    link.symlink_to(path)
    bad.write_text("invar 0\n")
    assert main(["policy", "migrate", str(path), str(bad)]) == 2
    assert path.read_text() == old
    assert main(["policy", "migrate", str(link)]) == 0
    assert path.read_text() == policy()
    assert (link.is_symlink(), path.stat().st_mode & 0o777) == (True, 0o640)
