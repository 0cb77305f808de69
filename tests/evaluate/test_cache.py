"""The baseline cache gives back what was kept, and nothing that somebody else wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.errors import EnvironmentFault
from invarlock.evaluate.cache import BaselineCache

KEY = {"model": "sha256:" + "a" * 64, "threads": 2}


@pytest.fixture
def kept(tmp_path: Path) -> tuple[BaselineCache, Path]:
    source = tmp_path / "hidden.f32"
    source.write_bytes(b"\x00" * 64)
    root = tmp_path / "cache"
    cache = BaselineCache(root)
    cache.store(KEY, records={"answer.json": b"{}"}, files={"hidden.f32": source})
    return cache, root


def entry_of(root: Path) -> Path:
    return next(path for path in root.iterdir() if path.is_dir())


def test_gives_back_what_was_kept(kept: tuple[BaselineCache, Path]) -> None:
    cache, root = kept
    entry = cache.load(KEY)
    assert entry is not None
    assert entry.records["answer.json"] == b"{}"
    assert entry.files["hidden.f32"].read_bytes() == b"\x00" * 64
    assert cache.load({**KEY, "threads": 4}) is None
    assert root.stat().st_mode & 0o777 == 0o700
    assert (root / "mac.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["hidden.f32", "answer.json", "entry.json"])
def test_changed_bytes_are_refused(kept: tuple[BaselineCache, Path], name: str) -> None:
    cache, root = kept
    path = entry_of(root) / name
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(EnvironmentFault) as caught:
        cache.load(KEY)
    assert caught.value.code == "E606"


def test_an_entry_sealed_with_another_key_is_refused(kept: tuple[BaselineCache, Path]) -> None:
    cache, root = kept
    (root / "mac.key").write_bytes(b"k" * 32)
    with pytest.raises(EnvironmentFault) as caught:
        cache.load(KEY)
    assert caught.value.code == "E606"


def test_without_its_mac_key_an_entry_is_as_good_as_none(
    kept: tuple[BaselineCache, Path],
) -> None:
    cache, root = kept
    (root / "mac.key").unlink()
    assert cache.load(KEY) is None
    cache.store(KEY, records={"answer.json": b"[1]"}, files={})
    entry = cache.load(KEY)
    assert entry is not None
    assert entry.records == {"answer.json": b"[1]"}


def test_a_moved_entry_is_refused(kept: tuple[BaselineCache, Path], tmp_path: Path) -> None:
    cache, root = kept
    first = entry_of(root)
    other = {**KEY, "threads": 8}
    cache.store(other, records={"answer.json": b"[]"}, files={})
    second = next(path for path in root.iterdir() if path.is_dir() and path != first)
    moved = tmp_path / "moved"
    second.rename(moved)
    first.rename(second)
    with pytest.raises(EnvironmentFault) as caught:
        cache.load(other)
    assert caught.value.code == "E606"


def test_a_folder_others_can_write_is_refused(kept: tuple[BaselineCache, Path]) -> None:
    cache, root = kept
    root.chmod(0o777)
    with pytest.raises(EnvironmentFault) as caught:
        cache.load(KEY)
    assert caught.value.code == "E606"
