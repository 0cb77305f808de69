"""Files hashed side by side give what one after another gives, and the same first refusal."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from invarlock.artifacts import folder
from invarlock.artifacts.abreast import in_order, processors
from invarlock.artifacts.folder import tree_of
from invarlock.errors import SafetyRefusal


def test_the_order_is_that_of_the_items_and_threads_are_bounded() -> None:
    seen: set[int] = set()

    def work(number: int) -> int:
        seen.add(threading.get_ident())
        return number * number

    assert in_order(work, range(500)) == tuple(n * n for n in range(500))
    assert 1 <= len(seen) <= min(16, processors())
    assert in_order(work, []) == ()


def test_the_first_failure_in_order_is_told() -> None:
    def work(number: int) -> int:
        if number % 7 == 3:
            raise ValueError(number)
        return number

    with pytest.raises(ValueError, match=r"^3$"):
        in_order(work, range(100))


def test_digests_do_not_depend_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        (tmp_path / f"{number}.safetensors").write_bytes(bytes([number]) * (number << 16))
    alone = tree_of(tmp_path)
    monkeypatch.setattr(folder, "_SMALL", 0)
    assert tree_of(tmp_path) == alone
    (tmp_path / "4.safetensors").unlink()
    (tmp_path / "4.safetensors").symlink_to("/dev/zero")
    with pytest.raises(SafetyRefusal) as caught:
        tree_of(tmp_path)
    assert caught.value.code == "E205"
