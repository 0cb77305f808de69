"""Private folders, and paths that only their owner can change."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from invarlock.errors import EnvironmentFault
from invarlock.security import is_secure_path, secure_tempdir
from invarlock.security.paths import _component_is_secure


def test_a_private_folder_is_private_and_goes_away(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with secure_tempdir(parent=tmp_path) as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            (folder / "x").write_text("x")
            assert is_secure_path(folder)
    finally:
        os.umask(old)
    assert not folder.exists()


def test_it_goes_away_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), secure_tempdir(parent=tmp_path) as folder:
        raise KeyError
    assert not folder.exists()


def test_it_needs_a_place(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault) as fault, secure_tempdir(parent=tmp_path / "none"):
        pass
    assert fault.value.code == "E603"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file that only its owner can change."""
    tmp_path.chmod(0o700)
    path = tmp_path / "key"
    path.write_text("x")
    path.chmod(0o600)
    assert is_secure_path(path)
    return path


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write(own: Path, mode: int) -> None:
    own.chmod(mode)
    assert not is_secure_path(own)


def test_a_folder_above_that_others_may_write(own: Path) -> None:
    own.parent.chmod(0o777)
    assert not is_secure_path(own)
    own.parent.chmod(0o1777)  # sticky, as /tmp: others cannot replace what they do not own
    assert is_secure_path(own)


def test_a_link_counts_with_all_that_it_passes(own: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "key").write_text("x")
    (tmp_path / "link").symlink_to(shared / "key")
    assert not is_secure_path(tmp_path / "link")
    (tmp_path / "good").symlink_to(own)
    assert is_secure_path(tmp_path / "good")
    (tmp_path / "loop").symlink_to("loop")
    assert not is_secure_path(tmp_path / "loop")
    assert not is_secure_path(tmp_path / "none")


@pytest.mark.parametrize(("owner", "secure"), [(0, True), (os.geteuid(), True), (12345, False)])
def test_what_another_user_owns(owner: int, secure: bool) -> None:
    info = os.stat_result((stat.S_IFREG | 0o600, 1, 1, 1, owner, owner, 1, 0, 0, 0))
    assert _component_is_secure(info) is secure
