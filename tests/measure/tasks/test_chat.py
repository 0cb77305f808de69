"""Chat templates: what the assistant says, and templates that are hostile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.errors import SafetyRefusal
from invarlock.measure.tasks import template
from invarlock.measure.tasks.chat import Chat
from invarlock.measure.tasks.template import Message, Template
from invarlock.measure.tokenizer import load_tokenizer
from tests.measure.tiny_tasks import MARKED, TEMPLATE, lines_of, make_chat

ROLES = {"bos_token": "<bos>", "eos_token": "<eos>"}
TALK = (
    Message("user", "How far?"),
    Message("assistant", "Three miles."),
    Message("user", "And back?"),
    Message("assistant", "As far."),
)


def said(source: str) -> list[str]:
    chat = Template(source, ROLES).chat(TALK)
    return [chat.text[begin:end] for begin, end in chat.spans]


def test_a_turn_is_what_it_adds_to_the_turns_before_it() -> None:
    assert said(TEMPLATE) == ["Three miles.<eos>\n", "As far.<eos>\n"]


def test_marked_words_are_the_assistants() -> None:
    assert said(MARKED) == ["Three miles.<eos>", "As far.<eos>"]


@pytest.mark.parametrize("source", [TEMPLATE, MARKED])
def test_it_is_rendered_as_the_model_library_renders(source: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    messages = [{"role": m.role, "content": m.content} for m in TALK]
    (text,), spans = render_jinja_template(
        [messages], chat_template=source, return_assistant_tokens_mask=source is MARKED, **ROLES
    )
    chat = Template(source, ROLES).chat(TALK)
    assert chat.text == text
    if source is MARKED:
        assert [list(span) for span in chat.spans] == [list(span) for span in spans[0]]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{% for m in messages %}", "fails"),
        ("{{ messages[99].content }}", "fails"),
        ("{{ raise_exception('no system turn') }}", "no system turn"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{% include 'x' %}", "fails"),
        ("{{ 'a' * 100000000 }}", "too large"),
        ("{{ [1] * 100000000 }}", "too large"),
        ("{{ 9 ** 999999999 }}", "too large"),
        ("{{ '%900000000d' % 1 }}", "`%` on a text"),
        ("{{ range(1000000000) | list }}", "fails"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "fails"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxx{% endfor %}{% endfor %}",
         "more than"),
        ("{% if messages | length == 4 %}{{ 'x' }}{% endif %}{{ messages | length }}", "otherwise"),
    ],
)  # fmt: skip
def test_a_hostile_template_is_refused(
    source: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template, "MAX_TEXT", 1 << 20)
    with pytest.raises(SafetyRefusal) as caught:
        Template(source, ROLES).chat(TALK)
    assert caught.value.code == "E210"
    assert reason in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_template_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "SECONDS", 0.3)
    endless = (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% if a > b + 99999 %}x{% endif %}"
        "{% endfor %}{% endfor %}"
    )
    begun = time.monotonic()
    with pytest.raises(SafetyRefusal, match="takes longer") as caught:
        Template(endless, ROLES).chat(TALK)
    assert caught.value.code == "E210"
    assert time.monotonic() - begun < 30
    assert said(TEMPLATE)  # the alarm is off again


def test_the_clock_stands_still() -> None:
    chat = Template("{{ strftime_now('%Y-%m-%d') }}" + TEMPLATE, ROLES).chat(TALK)
    assert chat.text.startswith("2024-01-01")


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chat(tmp_path_factory.mktemp("chat") / "model")


def pieces(folder: Path, length: int) -> list[list[Any]]:
    from invarlock.measure.ingest import Document

    task = Chat(length)
    documents = [
        Document(line["id"], task.parse({"messages": line["messages"]}), None)
        for line in lines_of("chat", 6)
    ]
    return task.pieces(documents, load_tokenizer(folder))


def test_scored_tokens_are_the_assistants_words(chatty: Path) -> None:
    engine = load_tokenizer(chatty).engine
    for line, found in zip(lines_of("chat", 6), pieces(chatty, 4096), strict=True):
        (piece,) = found
        tokens = [engine.id_to_token(t) for t in piece.tokens[piece.positions].tolist()]
        words = "".join(tokens).replace("Ġ", " ").replace("Ċ", "\n").replace("<eos>", "")
        expected = [m["content"] for m in line["messages"] if m["role"] == "assistant"]
        assert words.split("\n")[:-1] == expected


@pytest.mark.parametrize("length", [8, 16, 31])
def test_a_long_chat_is_cut_and_no_word_is_lost_or_scored_twice(chatty: Path, length: int) -> None:
    for (whole,), cut in zip(pieces(chatty, 4096), pieces(chatty, length), strict=True):
        assert all(len(piece.tokens) <= length and piece.start % length == 0 for piece in cut)
        scored = [piece.start + position for piece in cut for position in piece.positions.tolist()]
        # The first token of a piece is context, as in every window.
        wanted = [p for p in whole.positions.tolist() if p % length]
        assert scored == wanted
        for piece in cut:
            own = whole.tokens[piece.start : piece.start + length]
            assert np.array_equal(piece.tokens, own)


def test_a_tokenizer_without_a_template_is_refused(tiny: Path) -> None:
    with pytest.raises(SafetyRefusal, match="no chat template") as caught:
        pieces(tiny, 16)
    assert caught.value.code == "E210"
