"""A tokenizer's facts move with each of its parts, and with no spelling of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invarlock.errors import SafetyRefusal
from invarlock.measure.tokenizer import load_tokenizer
from tests.measure.tiny import write_tokenizer

Json = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path)
    return tmp_path


def change(folder: Path, edit: Callable[[Json], None], name: str = "tokenizer.json") -> None:
    document = json.loads((folder / name).read_bytes())
    edit(document)
    (folder / name).write_text(json.dumps(document))


def swap_vocabulary(document: Json) -> None:
    vocab = document["model"]["vocab"]
    vocab["A"], vocab["B"] = vocab["B"], vocab["A"]


def drop_merge(document: Json) -> None:
    document["model"]["merges"].pop()


def lowercase(document: Json) -> None:
    document["normalizer"] = {"type": "Lowercase"}


def strip_special(document: Json) -> None:
    document["added_tokens"][1]["lstrip"] = True


@pytest.mark.parametrize(
    ("edit", "moved"),
    [
        (swap_vocabulary, "vocabulary"),
        (drop_merge, "merges"),
        (lowercase, "merges"),
        (strip_special, "specials"),
    ],
)
def test_each_part_moves_its_own_digest(
    folder: Path, edit: Callable[[Json], None], moved: str
) -> None:
    before = load_tokenizer(folder).facts.model_dump()
    assert load_tokenizer(folder).facts.model_dump() == before
    change(folder, edit)
    after = load_tokenizer(folder).facts.model_dump()
    assert {name for name in before if before[name] != after[name]} == {moved}


def test_roles_and_templates_count(folder: Path) -> None:
    before = load_tokenizer(folder).facts
    change(folder, lambda config: config.update(eos_token="<pad>"), "tokenizer_config.json")
    assert load_tokenizer(folder).facts.specials != before.specials
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    after = load_tokenizer(folder).facts
    assert after.template != before.template
    (folder / "chat_template.jinja").unlink()
    change(
        folder,
        lambda config: config.update(chat_template="{{ messages }}"),
        "tokenizer_config.json",
    )
    assert load_tokenizer(folder).facts.template == after.template


def test_layout_and_spelling_do_not_count(folder: Path) -> None:
    before = load_tokenizer(folder).facts

    def respell(document: Json) -> None:
        merges = document["model"]["merges"]
        document["model"]["merges"] = [
            " ".join(merge) if isinstance(merge, list) else merge.split(" ", 1) for merge in merges
        ]

    change(folder, respell)
    assert load_tokenizer(folder).facts == before
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(text), indent=3))
    change(
        folder,
        lambda config: config.update(bos_token={"content": "<bos>", "lstrip": False}),
        "tokenizer_config.json",
    )
    assert load_tokenizer(folder).facts == before


def test_scores_of_a_unigram_vocabulary_count_though_they_are_floats(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import Unigram

    def save(score: float) -> None:
        model = Unigram([("<unk>", 0.0), ("a", score)], unk_id=0)
        Tokenizer(model).save(str(tmp_path / "tokenizer.json"))

    save(-1.25)
    one = load_tokenizer(tmp_path).facts
    save(-1.5)
    assert load_tokenizer(tmp_path).facts.vocabulary != one.vocabulary
    save(-1.25)
    assert load_tokenizer(tmp_path).facts == one


def test_padding_and_truncation_of_the_file_do_not_cut_documents(folder: Path) -> None:
    plain = load_tokenizer(folder).encode(["stone river lantern", "salt"])

    def truncate(document: Json) -> None:
        document["truncation"] = {
            "direction": "Right",
            "max_length": 2,
            "strategy": "LongestFirst",
            "stride": 0,
        }

    change(folder, truncate)
    assert load_tokenizer(folder).encode(["stone river lantern", "salt"]) == plain
    assert len(plain[0]) > 2


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("tokenizer.json", b"{", "E206"),
        ("tokenizer.json", b"[]", "E206"),
        ("tokenizer.json", b'{"model": 3}', "E206"),
        ("tokenizer.json", b'{"model": {"type": "BPE"}, "model": {}}', "E206"),
        ("tokenizer.json", b'{"model": {"type": "Mystery"}}', "E206"),
        ("tokenizer_config.json", b"{", "E206"),
        ("chat_template.jinja", b"\xff", "E206"),
        ("tokenizer.json", None, "E210"),
    ],
)
def test_a_malformed_tokenizer_is_refused(
    folder: Path, name: str, content: bytes | None, code: str
) -> None:
    load_tokenizer(folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(SafetyRefusal) as caught:
        load_tokenizer(folder)
    assert caught.value.code == code
    assert f"`{name}`" in caught.value.message
    assert "\n" not in caught.value.message
