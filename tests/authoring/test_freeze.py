"""`invarlock policy freeze`, and the other commands over included files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from invarlock.authoring.docs import markdown
from invarlock.cli import main
from invarlock.policy import load_policy
from tests.policy.support import HEAD

HOUSE = HEAD.replace("sample", "house") + (
    "require tokenizer.same == yes\n"
    "tier balanced {\n  require perplexity.ratio <= 1.10\n  require top1.agreement >= 90%\n}\n"
)
ROOT = HEAD + (
    'include "shared/house.invar" as house\n'
    "tier mine refines house.balanced {\n  require perplexity.ratio <= 1.05\n}\n"
    'test "house rules hold" { given top1.agreement = 89%; expect fail because top1.agreement }\n'
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unpinned policy in a folder with what it includes."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "house.invar").write_text(HOUSE)
    (tmp_path / "p.invar").write_text(ROOT)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "p.invar"


def commit(folder: Path) -> None:
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "m"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)


def test_freeze_pins_and_then_has_nothing_to_do(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "check", "p.invar"]) == 2
    assert "[INVARLOCK:E123]" in capsys.readouterr().err
    assert main(["policy", "freeze", "p.invar", "--check"]) == 1
    assert root.read_text() == ROOT
    assert main(["policy", "freeze", "p.invar"]) == 0
    digest = load_policy(root.parent / "shared" / "house.invar").ir.digest
    line = f"p.invar: house (shared/house.invar): not pinned → {digest}\n"
    assert capsys.readouterr().out == line * 2
    assert root.read_text() == ROOT.replace('.invar" as', f'.invar" {digest} as')
    assert main(["policy", "check", "p.invar"]) == 0
    assert main(["policy", "freeze", "p.invar", "--check"]) == 0
    assert "p.invar: every include is pinned to what it is" in capsys.readouterr().out


def test_freeze_shows_what_a_new_pin_lets_in(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "freeze", "p.invar"]) == 0
    commit(root.parent)
    house = root.parent / "shared" / "house.invar"
    house.write_text(HOUSE.replace("90%", "80%") + "# a remark\n")
    capsys.readouterr()
    assert main(["policy", "freeze", "p.invar", "--check", "--format", "json"]) == 1
    (file,) = json.loads(capsys.readouterr().out)["files"]
    (change,) = file["changes"]
    assert change["comparison"]["relation"] == "weaker"
    assert change["comparison"]["old"]["digest"] == change["old"] != change["new"]
    assert main(["policy", "freeze", "p.invar"]) == 0
    out = capsys.readouterr().out
    assert "  weaker: the new accepts something that the old refuses\n" in out
    assert "  weaker  top1.agreement" in out
    assert main(["policy", "check", "p.invar"]) == 0


def test_what_was_pinned_is_found_however_old_and_on_any_branch(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is found by its digest: not in the last commit, and not from the root's folder."""
    house = root.parent / "shared" / "house.invar"
    assert main(["policy", "freeze", "p.invar"]) == 0
    commit(root.parent)
    for bound in ("89%", "88%"):
        house.write_text(HOUSE.replace("90%", bound))
        commit(root.parent)
    subprocess.run(["git", "checkout", "-q", "--orphan", "other"], cwd=root.parent, check=True)
    house.write_text(HOUSE.replace("90%", "95%"))
    monkeypatch.chdir(root.parent.parent)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent.parent))
    capsys.readouterr()
    assert main(["policy", "freeze", str(root), "--format", "json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    (change,) = file["changes"]
    assert (file["written"], change["unseen"]) == (True, None)
    assert change["comparison"]["relation"] == "stricter"
    assert change["comparison"]["old"]["name"].endswith(":shared/house.invar")


def test_an_include_with_includes_is_found_where_all_of_it_fits(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One commit pins ahead of the file pinned: only the next one holds a policy."""
    shared = root.parent / "shared"
    base, house = shared / "base.invar", shared / "house.invar"
    base.write_text(HOUSE)
    house.write_text(ROOT.replace("sample", "house").replace("shared/house", "base"))
    root.write_text(ROOT.replace("house.balanced", "house.mine"))
    base.write_text(HOUSE.replace("90%", "85%"))
    assert main(["policy", "freeze", "shared/house.invar"]) == 0
    base.write_text(HOUSE)
    commit(root.parent)
    base.write_text(HOUSE.replace("90%", "85%"))
    commit(root.parent)
    assert main(["policy", "freeze", "p.invar"]) == 0
    base.write_text(HOUSE)
    assert main(["policy", "freeze", "shared/house.invar"]) == 0
    capsys.readouterr()
    assert main(["policy", "freeze", "p.invar"]) == 0
    assert "  stricter: " in capsys.readouterr().out


def test_a_file_that_includes_one_named_before_it(root: Path) -> None:
    """All are written together, and each pin is that of what is written."""
    house = root.parent / "shared" / "house.invar"
    (root.parent / "shared" / "base.invar").write_text(HOUSE)
    house.write_text(ROOT.replace("sample", "house").replace("shared/house", "base"))
    root.write_text(ROOT.replace("house.balanced", "house.mine"))
    assert main(["policy", "freeze", "shared/house.invar", "p.invar", "--check"]) == 1
    assert main(["policy", "freeze", "p.invar"]) == 2  # what it includes is not pinned
    assert main(["policy", "freeze", "shared/house.invar", "p.invar"]) == 0
    assert main(["policy", "check", "p.invar"]) == 0


@pytest.mark.parametrize("kept", ["nowhere", "not in the history"])
def test_what_cannot_be_compared_is_not_pinned_unasked(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent.parent))
    if kept == "not in the history":
        commit(root.parent)
        house = root.parent / "shared" / "house.invar"
        house.write_text(HOUSE.replace("90%", "85%"))
    assert main(["policy", "freeze", "p.invar"]) == 0  # a first pin takes the place of none
    pinned = root.read_text()
    (root.parent / "shared" / "house.invar").write_text(HOUSE.replace("90%", "80%"))
    capsys.readouterr()
    assert main(["policy", "freeze", "p.invar"]) == 3
    out = capsys.readouterr().out
    why = "in no git repository" if kept == "nowhere" else "in none of the 1 commits"
    assert "  what was pinned cannot be compared: " in out
    assert why in out
    assert "p.invar: not written; review what is included, then give `--accept-unseen`" in out
    assert root.read_text() == pinned
    assert main(["policy", "freeze", "p.invar", "--check"]) == 1
    assert main(["policy", "freeze", "p.invar", "--format", "json"]) == 3
    assert main(["policy", "freeze", "p.invar", "--accept-unseen"]) == 0
    assert root.read_text() != pinned
    assert main(["policy", "check", "p.invar"]) == 0


def test_freeze_keeps_mode_and_link_and_writes_all_or_none(root: Path) -> None:
    root.chmod(0o600)
    (root.parent / "link.invar").symlink_to("p.invar")
    (root.parent / "worse.invar").write_text(ROOT.replace('house.invar"', 'none.invar"'))
    assert main(["policy", "freeze", "p.invar", "worse.invar"]) == 2
    assert root.read_text() == ROOT
    assert main(["policy", "freeze", "link.invar"]) == 0
    assert (root.parent / "link.invar").is_symlink()
    assert root.stat().st_mode & 0o777 == 0o600
    assert root.read_text() != ROOT


def test_a_remark_in_an_included_file_moves_no_pin(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "freeze", "p.invar"]) == 0
    (root.parent / "shared" / "house.invar").write_text("# a remark\n" + HOUSE)
    assert main(["policy", "freeze", "p.invar", "--check"]) == 0
    assert main(["policy", "check", "p.invar"]) == 0


def test_a_broken_include_is_not_pinned(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root.parent / "shared" / "house.invar").write_text(HOUSE.replace("90%", "90 pp"))
    assert main(["policy", "freeze", "p.invar"]) == 2
    assert "[INVARLOCK:E103]" in capsys.readouterr().err
    assert root.read_text() == ROOT
    assert main(["policy", "freeze", "absent.invar"]) == 6


def test_show_names_the_included_file(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "freeze", "p.invar"]) == 0
    capsys.readouterr()
    assert main(["policy", "show", "p.invar#mine"]) == 0
    rows = {row.split()[1]: row for row in capsys.readouterr().out.splitlines() if "  line" in row}
    place = "line {} of `shared/house.invar`, {}, inherited"
    assert rows["top1.agreement"].endswith(place.format(7, "tier balanced"))
    assert rows["tokenizer.same"].endswith(place.format(4, "top level"))
    assert rows["perplexity.ratio"].endswith("line 6, tier mine")
    assert main(["policy", "show", "p.invar#mine", "--format", "json"]) == 0
    gates = {gate["id"]: gate for gate in json.loads(capsys.readouterr().out)["gates"]}
    assert gates["top1.agreement"]["origin"]["file"] == "shared/house.invar"


def test_tests_and_mutants_see_what_is_included(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "freeze", "p.invar"]) == 0
    assert main(["policy", "test", "p.invar", "--mutate"]) == 0
    out = capsys.readouterr().out
    assert "1 of 1 test passed" in out
    assert "p.invar:6:3: no test notices `perplexity.ratio <= 1.05 → <= 1.06`" in out
    assert "top1" not in out.replace("given top1", "")
    root.write_text(root.read_text().replace("expect fail because", "expect incomplete because"))
    assert main(["policy", "test", "p.invar"]) == 1
    assert "  shared/house.invar:7:3: fail top1.agreement: " in capsys.readouterr().out


def test_the_page_lists_what_is_included(root: Path) -> None:
    assert main(["policy", "freeze", "p.invar"]) == 0
    page = markdown(load_policy(root), "p.invar")
    assert "| includes | `shared/house.invar` `sha256:" in page
    assert "## Tier `mine`, refines `house.balanced`" in page
