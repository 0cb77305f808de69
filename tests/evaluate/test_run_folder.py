"""A run's folder appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.errors import UsageFault
from invarlock.evaluate.run_folder import new_run_folder, write_file


def test_it_appears_when_the_block_ends(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "run"
    with new_run_folder(out) as folder:
        write_file(folder / "a" / "b.json", b"{}")
        assert not out.exists()
    assert (out / "a" / "b.json").read_bytes() == b"{}"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_it_vanishes_when_the_block_fails(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "run"
    with pytest.raises(error), new_run_folder(out) as folder:
        write_file(folder / "half.json", b"{")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_existing_one_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    with pytest.raises(UsageFault) as caught, new_run_folder(out):
        pass
    assert caught.value.code == "E702"
    assert out.is_dir()
