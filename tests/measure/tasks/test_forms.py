"""How each task's documents are spelled, and what their windows hold."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from invarlock.errors import SafetyRefusal
from invarlock.measure.ingest import Document, parse_line
from invarlock.measure.tasks import task_of
from invarlock.measure.tasks.multiple_choice import Item, MultipleChoice
from invarlock.measure.tasks.seq2seq_lm import Pair, Seq2SeqLM
from invarlock.measure.tokenizer import load_tokenizer
from tests.measure.tasks.runs import contract_for
from tests.measure.tiny_tasks import lines_of

LABELS = {"id2label": {"0": "bad", "1": "good", "2": "odd"}}
TASKS = ("chat", "masked_lm", "seq2seq_lm", "multiple_choice", "classification")


def parsed(task: str, fields: dict[str, Any]) -> Document[Any]:
    line = json.dumps(fields).encode()
    return parse_line(line, 7, task_of(contract_for(task), LABELS))


@pytest.mark.parametrize("task", TASKS)
def test_an_honest_line_is_read(task: str) -> None:
    line = lines_of(task, 1)[0]
    document = parsed(task, line)
    assert (document.id, document.slice) == (line["id"], line["slice"])


@pytest.mark.parametrize(
    ("task", "changes", "reason"),
    [
        ("chat", {"messages": []}, "0 of `messages`"),
        ("chat", {"messages": "hello"}, "no list `messages`"),
        ("chat", {"messages": [{"role": "user", "content": "x"}]}, "no message of the role"),
        ("chat", {"messages": [{"role": "assistant"}]}, "not `role` and `content`"),
        ("chat", {"messages": [{"role": "a b", "content": "x"}]}, "`role` is no word"),
        ("chat", {"messages": [{"role": "assistant", "content": 3}]}, "no `content` string"),
        ("masked_lm", {"text": 3}, "no `text` string"),
        ("seq2seq_lm", {"target": ""}, "an empty `target`"),
        ("seq2seq_lm", {"text": "x"}, "unknown key `text`"),
        ("multiple_choice", {"choices": ["one"]}, "1 of `choices`"),
        ("multiple_choice", {"choices": ["one", ""]}, "not all filled strings"),
        ("multiple_choice", {"choices": ["x"] * 65}, "65 of `choices`"),
        ("multiple_choice", {"answer": 2}, "2 choices from 0 on"),
        ("multiple_choice", {"answer": -1}, "`answer` -1"),
        ("multiple_choice", {"answer": True}, "no whole number `answer`"),
        ("multiple_choice", {"answer": "0"}, "no whole number `answer`"),
        ("classification", {"label": 3}, "the model 3 from 0 on"),
        ("classification", {"label": "fine"}, "does not know, `fine`"),
        ("classification", {"label": None}, "no `label`"),
        ("classification", {"text": ""}, "an empty `text`"),
    ],
)
def test_a_broken_line_is_refused_by_number(
    task: str, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SafetyRefusal) as caught:
        parsed(task, {**lines_of(task, 1)[0], **changes})
    assert caught.value.code == "E003"
    assert caught.value.message.startswith("line 7 of the data ")
    assert reason in caught.value.message


def test_a_label_may_be_given_by_its_name(tiny: Path) -> None:
    task = task_of(contract_for("classification"), LABELS)
    found = [parsed("classification", {"text": "stone", "label": label}) for label in (1, "good")]
    tokenizer = load_tokenizer(tiny)
    assert [piece.answer for (piece,) in task.pieces(found, tokenizer)] == [1, 1]


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({}, "E210"),
        ({"id2label": {"0": "only"}}, "E210"),
        ({"id2label": {"0": "a", "2": "b"}}, "E206"),
        ({"id2label": {"0": "a", "1": "a"}}, "E206"),
        ({"id2label": {"0": "a", "1": 5}}, "E206"),
    ],
)
def test_labels_that_are_not_numbered_are_refused(config: dict[str, Any], code: str) -> None:
    with pytest.raises(SafetyRefusal) as caught:
        task_of(contract_for("classification"), config)
    assert caught.value.code == code


def items(tiny: Path, length: int, *given: Item) -> list[list[Any]]:
    documents = [Document(str(at), item, None) for at, item in enumerate(given)]
    return MultipleChoice(length).pieces(documents, load_tokenizer(tiny))


def test_blanks_between_context_and_choice_go_to_the_choice(tiny: Path) -> None:
    """As lm-evaluation-harness parts them: the same tokens wherever the blank is written."""
    engine = load_tokenizer(tiny).engine
    after, before = items(
        tiny,
        64,
        Item("the stone ", ("river", "lantern"), 1),
        Item("the stone", (" river", " lantern"), 1),
    )
    assert after[0].tokens.tolist() == before[0].tokens.tolist()
    assert after[0].positions.tolist() == before[0].positions.tolist()
    assert (after[0].sizes, before[0].sizes) == ((5, 7), (6, 8))
    begins = [*after[0].positions.tolist(), len(after[0].tokens)]
    texts = [
        [engine.id_to_token(t) for t in after[0].tokens[a:b].tolist()] for a, b in pairwise(begins)
    ]
    assert ["".join(tokens) for tokens in texts] == ["Ġriver", "Ġlantern"]


def test_a_long_context_loses_its_beginning_and_a_long_choice_its_item(tiny: Path) -> None:
    context = "stone river lantern quiet meadow iron window harbour salt " * 3
    (whole,), (cut,), none = items(
        tiny,
        400,
        Item(context, ("a", "b"), 0),
    ) + items(tiny, 12, Item(context, ("a", "b"), 0), Item("x", (context, "b"), 0))
    assert cut.tokens.tolist() == whole.tokens[-len(cut.tokens) :].tolist()
    assert len(cut.tokens) < len(whole.tokens)
    longest = max(b - a for a, b in pairwise([*cut.positions.tolist(), len(cut.tokens)]))
    assert int(cut.positions[0]) + longest == 12
    assert none == []


def test_a_long_source_and_a_long_target_are_cut_off(tiny: Path) -> None:
    words = "stone river lantern quiet meadow iron window harbour salt"
    documents = [Document("a", Pair(words, words), None)]
    ((piece,),) = Seq2SeqLM(8).pieces(documents, load_tokenizer(tiny))
    assert len(piece.tokens) == 16
    assert piece.positions is not None
    assert piece.positions.tolist() == list(range(8, 16))
    assert piece.tokens[:8].tolist() == piece.tokens[8:].tolist()
