"""A tokenizer's facts move with each of its parts, and with no spelling of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Engine

from invarlock.errors import SafetyRefusal
from invarlock.measure.tokenizer import load_tokenizer, tokenizer_facts
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


def prepend_eos(document: Json) -> None:
    document["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<eos>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<eos>": {"id": "<eos>", "ids": [2], "tokens": ["<eos>"]}},
    }


def decode_bytes(document: Json) -> None:
    document["decoder"] = {"type": "ByteFallback"}


def of_model(**changes: Any) -> Callable[[Json], None]:
    return lambda document: document["model"].update(changes)


def top_level(**changes: Any) -> Callable[[Json], None]:
    return lambda document: document.update(changes)


def moved_by(folder: Path, edit: Callable[[Json], None], name: str = "tokenizer.json") -> set[str]:
    before = load_tokenizer(folder).facts.model_dump()
    assert load_tokenizer(folder).facts.model_dump() == before
    change(folder, edit, name)
    after = load_tokenizer(folder).facts.model_dump()
    return {fact for fact in before if before[fact] != after[fact]}


@pytest.mark.parametrize(
    ("edit", "moved"),
    [
        (swap_vocabulary, "vocabulary"),
        (strip_special, "vocabulary"),
        (of_model(byte_fallback=True), "vocabulary"),
        (of_model(ignore_merges=True), "vocabulary"),
        (of_model(unk_token=None), "vocabulary"),
        (of_model(dropout=0.5), "vocabulary"),
        (of_model(continuing_subword_prefix=""), "vocabulary"),
        (of_model(end_of_word_suffix="</w>"), "vocabulary"),
        (of_model(fuse_unk=True), "vocabulary"),
        (of_model(not_yet_known=1), "vocabulary"),
        (drop_merge, "merges"),
        (lowercase, "merges"),
        (top_level(pre_tokenizer={"type": "Whitespace"}), "merges"),
        (prepend_eos, "specials"),
        (decode_bytes, "specials"),
    ],
)
def test_each_part_moves_its_own_digest(
    folder: Path, edit: Callable[[Json], None], moved: str
) -> None:
    assert moved_by(folder, edit) == {moved}


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize(
    "changes",
    [
        {"add_bos_token": True},
        {"add_eos_token": True},
        {"add_prefix_space": True},
        {"added_tokens_decoder": {"2": {"content": "<eos>", "lstrip": True}}},
        {"additional_special_tokens": ["<unk>"]},
        {"clean_up_tokenization_spaces": True},
        {"model_max_length": 8},
        {"not_yet_known": None},
        {"tokenizer_class": "LlamaTokenizer"},
        {"unk_token": {"content": "<unk>", "lstrip": True}},
    ],
)
def test_each_key_of_a_configuration_counts(
    folder: Path, name: str, changes: dict[str, Any]
) -> None:
    (folder / "special_tokens_map.json").write_text('{"unk_token": "<unk>"}')
    assert moved_by(folder, lambda config: config.update(changes), name) == {"specials"}


def test_a_part_that_no_version_of_the_library_knows_yet_counts(folder: Path) -> None:
    """Today's library refuses to load it; one that does would be given it."""
    document = json.loads((folder / "tokenizer.json").read_bytes())
    before = tokenizer_facts(document, {}, {}, None)
    for unknown, same in (("not_yet_known", False), ("version", True), ("truncation", True)):
        after = tokenizer_facts({**document, unknown: 1}, {}, {}, None)
        assert (after.specials == before.specials) is same
        assert after.model_copy(update={"specials": before.specials}) == before


def test_where_the_files_came_from_does_not_count(folder: Path) -> None:
    origin = {"name_or_path": "a/b", "is_local": True, "tokenizer_file": None, "backend": "x"}
    assert moved_by(folder, lambda c: c.update(origin), "tokenizer_config.json") == set()


def test_a_file_written_anew_by_the_library_or_in_another_order_is_the_same(folder: Path) -> None:
    change(folder, prepend_eos)
    before = load_tokenizer(folder).facts
    Engine.from_file(str(folder / "tokenizer.json")).save(str(folder / "tokenizer.json"))
    assert load_tokenizer(folder).facts == before

    def bare(document: Json) -> None:
        """As a version of the library wrote it that did not know these settings."""
        model = document["model"]
        for key in ("byte_fallback", "ignore_merges", "fuse_unk", "dropout"):
            assert not model.pop(key)

    change(folder, bare)
    assert load_tokenizer(folder).facts == before
    for name in ("tokenizer.json", "tokenizer_config.json"):
        change(folder, reverse, name)
    assert load_tokenizer(folder).facts == before


def reverse(value: Any) -> Any:
    """The objects in ``value``, at every depth, with their keys from last to first."""
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            reverse(inner)
    if isinstance(value, dict):
        items = list(value.items())[::-1]
        value.clear()
        value.update(items)


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


def test_ids_are_counted_to_the_largest(folder: Path) -> None:
    document = json.loads((folder / "tokenizer.json").read_bytes())
    facts = load_tokenizer(folder).facts
    assert facts.ids == max(document["model"]["vocab"].values()) + 1

    def ids(**changes: Any) -> int:
        return tokenizer_facts({**document, **changes}, {}, {}, None).ids

    assert ids(added_tokens=[{"id": 999, "content": "<new>"}]) == 1000
    unigram = {"type": "Unigram", "vocab": [["a", -1], ["b", -2]]}
    assert ids(model=unigram, added_tokens=[]) == 2
    assert ids(model={"type": "BPE", "vocab": {}}, added_tokens=None) == 0
