"""Included files: from the policy's folder tree alone, the editor's text before the disk's."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.authoring.server.folder import folder_reader
from invarlock.errors import InvarlockError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outside.invar").write_text("outside")
    folder = tmp_path / "policies"
    (folder / "below").mkdir(parents=True)
    (folder / "house.invar").write_text("beside")
    (folder / "below" / "base.invar").write_text("below")
    (folder / "link.invar").symlink_to(tmp_path / "outside.invar")
    return folder


def test_files_beside_and_below_are_read(folder: Path) -> None:
    read = folder_reader(folder, {})
    assert read("house.invar") == b"beside"
    assert read("below/base.invar") == b"below"


def test_what_the_editor_holds_goes_before_the_disk(folder: Path) -> None:
    read = folder_reader(folder, {folder / "house.invar": "typed 😀"})
    assert read("house.invar") == "typed 😀".encode()
    assert read("below/base.invar") == b"below"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../outside.invar", "E124"),
        ("below/../../outside.invar", "E124"),
        ("/etc/passwd", "E124"),
        ("link.invar", "E124"),
        ("none.invar", "E601"),
        ("below", "E124"),
    ],
)
def test_nothing_else_is(folder: Path, name: str, code: str) -> None:
    with pytest.raises(InvarlockError) as caught:
        folder_reader(folder, {})(name)
    assert caught.value.code == code
