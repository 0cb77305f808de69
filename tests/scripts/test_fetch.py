"""Names, orders and cuts that the fetched material goes through."""

from __future__ import annotations

import numpy as np
import pytest
from fetch_model import tensor_name, unpermute
from fetch_prose import (
    ABOUT,
    MILTON,
    PLAYS,
    SHORTEST,
    cut,
    documents,
    essay,
    scenes,
    shorter,
    verse,
)
from hypothesis import given
from hypothesis import strategies as st

SPEECH = "HAMLET.\nTo be, or not to be, that is the question of this very long evening.\n\n"
PLAY = (
    "HAMLET\n\nPERSONS.\nClaudius, King.\n\nACT I.\n\nScene I. A platform.\n\n"
    "[Enter, with\na torch.]\n\n"
    + SPEECH * 40
    + "\n\n[Exeunt.]\n\nSCENE II.\n\n"
    + SPEECH * 3
    + "\n\nACT 2\n\nAct II. Scene 1. Elsewhere\n\n"
    + SPEECH * 30
)


@pytest.mark.parametrize(
    ("gguf", "name"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("blk.12.attn_output.weight", "model.layers.12.self_attn.o_proj.weight"),
        ("blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
    ],
)
def test_tensor_names(gguf: str, name: str) -> None:
    assert tensor_name(gguf) == name


def test_an_unknown_tensor_is_refused() -> None:
    with pytest.raises(KeyError, match="output"):
        tensor_name("output.weight")


def test_unpermute_undoes_the_order_of_rotary_pairs() -> None:
    heads, half, columns = 3, 4, 5
    plain = np.arange(heads * 2 * half * columns, dtype=np.float32).reshape(-1, columns)
    # what llama.cpp's converter does to a checkpoint
    permuted = (
        plain.reshape(heads, 2, half, columns).swapaxes(1, 2).reshape(heads * 2 * half, columns)
    )
    assert not np.array_equal(permuted, plain)
    np.testing.assert_array_equal(unpermute(permuted, heads), plain)


def test_a_scene_gives_one_document_without_directions_and_headings() -> None:
    found = list(scenes(PLAY))
    assert len(found) == 2  # the second scene is too short
    for text in found:
        assert SHORTEST <= len(text) <= ABOUT + len(SPEECH)
        assert text.startswith("HAMLET.\nTo be")
        assert not any(word in text for word in ("Enter", "Exeunt", "ACT", "SCENE", "Claudius"))


@given(st.lists(st.text(st.characters(categories=["Ll"]), min_size=1, max_size=900), max_size=40))
def test_a_cut_keeps_order_and_loses_at_most_a_short_rest(paragraphs: list[str]) -> None:
    found = list(cut(paragraphs, "\n"))
    assert "\n".join(paragraphs).startswith("\n".join(found))
    assert all(len(piece) >= SHORTEST - 1 for piece in found)
    assert len("\n".join(paragraphs)) - len("\n".join(found)) < ABOUT + 900


def test_long_paragraphs_end_at_sentences() -> None:
    paragraph = "This is a sentence of middling length. " * 200
    parts = list(shorter([paragraph.strip()], r"(?<=[a-z][.?!]) (?=[A-Z])"))
    assert len(parts) > 3
    assert all(part.startswith("This") and part.endswith("length.") for part in parts)
    assert " ".join(parts) == paragraph.strip()


def test_verse_loses_line_numbers_ornaments_and_headings() -> None:
    line = "And bear through highth or depth of Nature's bounds,"
    text = f"THE FIRST BOOK\n\n{line}          10\n............{line}\n" * 40
    found = "\n".join(verse(text))
    assert found
    assert set(found.splitlines()) == {line}


def test_the_essay_loses_page_marks_and_joins_broken_paragraphs() -> None:
    page = (
        "### START: a ###\n#### Source: b\n\np.772:0\n\n[Youth]\n\n{}\n\n"
        "[^1]: It is worth noting that this is a footnote of some length.\n\n### END: a ###\n\n"
    )
    first = (
        "He was a glover, but he also appears to have dealt in various kinds of agri-\nculture and"
    )
    second = "in wool, which was then a common trade among the people of the town of Stratford."
    found = "\n".join(essay((page.format(first) + page.format(second)) * 12))
    assert "agriculture and in wool" in found
    assert not any(mark in found for mark in ("#", "p.772", "Youth", "footnote", "\n\n\n"))


def test_documents_have_unique_ids_and_known_slices() -> None:
    texts = {
        PLAYS + "hamlet_gut.txt": PLAY,
        PLAYS + "hamlet_gut_f.txt": PLAY,  # old spelling: the same play, left out
        MILTON + "paradiselost.txt": "Of Mans First Disobedience, and the Fruit\n" * 100,
        MILTON + "metadata.txt": "not a text\n" * 300,
    }
    found = list(documents(texts))
    assert {document["slice"] for document in found} == {"plays", "milton"}
    assert len({document["id"] for document in found}) == len(found)
    assert found == list(documents(dict(reversed(texts.items()))))
