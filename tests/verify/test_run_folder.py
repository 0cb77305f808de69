"""A run's folder is hostile: nothing outside it is read, and nothing that is not a file."""

import os
from pathlib import Path

import pytest

from invarlock.errors import EnvironmentFault, Inconclusive, VerificationFault
from invarlock.verify.run_folder import is_plain_name, open_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    (run / "evidence").mkdir(parents=True)
    (run / "evidence" / "a").write_bytes(b"12345")
    (tmp_path / "secret").write_bytes(b"secret")
    return run


def test_a_file_below_is_read(run: Path) -> None:
    with open_run(run) as folder:
        assert folder.read("evidence/a") == b"12345"
        assert folder.read("evidence/a", 5) == b"12345"


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "", ".", "evidence/../evidence/a", "evidence//a", "./a",
     "evidence/", "a\x00b", "a\\b", "a\x1b[31m", "a" * 2000],
)  # fmt: skip
def test_a_name_that_is_not_plain_is_refused(run: Path, name: str) -> None:
    assert not is_plain_name(name)
    with open_run(run) as folder, pytest.raises(VerificationFault) as caught:
        folder.read(name)
    assert caught.value.code == "E405"


def test_links_are_not_followed(run: Path, tmp_path: Path) -> None:
    (run / "link").symlink_to(tmp_path / "secret")
    (run / "dir").symlink_to(tmp_path)
    with open_run(run) as folder:
        for name in ("link", "dir/secret"):
            with pytest.raises(VerificationFault) as caught:
                folder.read(name)
            assert caught.value.code == "E403"


def test_special_files_are_refused_at_once(run: Path) -> None:
    os.mkfifo(run / "fifo")
    with open_run(run) as folder:
        for name in ("fifo", "evidence"):
            with pytest.raises(VerificationFault) as caught:
                folder.read(name)
            assert caught.value.code == "E403"


def test_no_more_is_read_than_was_announced(run: Path) -> None:
    with open_run(run) as folder, pytest.raises(VerificationFault, match="larger than 4 bytes"):
        folder.read("evidence/a", 4)


def test_absence_is_a_lack_not_a_forgery(run: Path, tmp_path: Path) -> None:
    with open_run(run) as folder, pytest.raises(Inconclusive) as caught:
        folder.read("evidence/b")
    assert caught.value.code == "E409"
    for path in (tmp_path / "none", tmp_path / "secret"):
        with pytest.raises(EnvironmentFault) as absent, open_run(path):
            pass
        assert absent.value.code == "E601"
