"""Our joining digest is the one that `model_signing` signs, for folders that a user might have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from invarlock.artifacts.folder import tree_of
from invarlock.artifacts.oms import oms_digest

NAMES = (
    "config.json",
    "model.safetensors",
    "a/b",
    "a-b",
    "a.b",
    "a/b-c/d",
    "a/c",
    "Z",
    "é.txt",
    "tokenizer/vocab.txt",
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def ours(folder: Path) -> str:
    return oms_digest((file.path, file.digest) for file in tree_of(folder)[1])


def theirs(folder: Path) -> str:
    from model_signing import hashing
    from model_signing._signing.signing import Payload

    config = hashing.Config().set_ignored_paths(paths=[folder / "model.sig"])
    subject: Any = Payload(config.hash(folder)).statement.pb.subject[0]
    return f"sha256:{subject.digest['sha256']}"


def test_it_is_the_subject_of_a_signature(model: Path) -> None:
    assert ours(model) == theirs(model)


@pytest.mark.parametrize("name", ["model.sig", ".git/config", ".gitattributes", ".gitignore"])
def test_what_the_library_leaves_out_is_left_out(model: Path, name: str) -> None:
    before = ours(model)
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_bytes(b"changed")
    assert before == ours(model) == theirs(model)


def test_a_name_is_not_in_it_and_the_order_is(model: Path) -> None:
    before = ours(model)
    (model / "config.json").rename(model / "config.jsonl")
    assert before == ours(model) == theirs(model)
    (model / "config.jsonl").rename(model / "zz")
    assert before != ours(model)
    assert ours(model) == theirs(model)


def test_a_folder_of_nothing_has_one_too(tmp_path: Path) -> None:
    assert ours(tmp_path) == theirs(tmp_path)
