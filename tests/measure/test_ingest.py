"""Hostile data lines are refused with their number; honest ones are read as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.errors import EnvironmentFault, SafetyRefusal
from invarlock.measure import ingest
from invarlock.measure.ingest import Document, parse_line, read_documents
from invarlock.measure.tasks.causal_lm import CausalLM

TEXT = CausalLM(8)
GOOD = b'{"text": "a", "id": "x", "slice": "s"}'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "is empty"),
        (b"   ", "is empty"),
        (b'{"text": "a"', "strict json"),
        (b'{"text": "a", "text": "b"}', "duplicate key"),
        (b'{"text": "a", "\\u001b": 1, "\\u001b": 2}', "duplicate key `\\x1b`"),
        (b'{"text": NaN}', "NaN"),
        (b'{"text": "\xff"}', "strict json"),
        (b'{"text": "\\ud800"}', "surrogate"),
        (b'\xef\xbb\xbf{"text": "a"}', "strict json"),
        (b'{"text": "a"} {}', "strict json"),
        (b'["text"]', "not a json object"),
        (b"7", "not a json object"),
        (b'{"id": "x"}', "no `text`"),
        (b'{"text": 3}', "no `text`"),
        (b'{"text": "a", "txt": "b"}', "unknown key `txt`"),
        (b'{"text": "a", "\\u001b[31m": "b"}', "unknown key `\\x1b[31m`"),
        (b'{"text": "a", "id": 3}', "`id`"),
        (b'{"text": "a", "id": ""}', "`id`"),
        (b'{"text": "a", "id": "x\\u001b[2J"}', "`id`"),
        (b'{"text": "a", "id": "\\u202ex"}', "`id`"),
        (b'{"text": "a", "slice": "' + b"s" * 129 + b'"}', "`slice`"),
        (b'{"text": ' + b"[" * 100_000, "nested deeper"),
        (b'{"text": "a", "id": ' + b"9" * 5000 + b"}", "more than 40 digits"),
    ],
)
def test_a_broken_line_is_refused_by_number(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(GOOD + b"\n" + line + b"\n")
    with pytest.raises(SafetyRefusal) as caught:
        read_documents(path, TEXT)
    assert caught.value.code == "E003"
    assert "line 2" in caught.value.message
    assert reason in caught.value.message
    assert caught.value.message.isprintable()
    path.write_bytes(GOOD + b"\n")
    assert read_documents(path, TEXT) == (Document("x", "a", "s"),)


def test_an_id_twice_is_refused_and_names_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"text": "a", "id": "line:2"}\n{"text": "b"}\n')
    with pytest.raises(SafetyRefusal, match="line 2 of the data repeats the id of line 1"):
        read_documents(path, TEXT)


def test_an_absent_file_is_the_surroundings_and_an_empty_one_the_data(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault) as absent:
        read_documents(tmp_path / "none", TEXT)
    assert absent.value.code == "E601"
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(SafetyRefusal) as empty:
        read_documents(tmp_path / "empty", TEXT)
    assert empty.value.code == "E003"


def test_a_line_longer_than_the_cap_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "LINES", replace(ingest.LINES, max_line=50))
    path = tmp_path / "data.jsonl"
    path.write_bytes(GOOD + b"\n" + b'{"text": "' + b"a" * 60 + b'"}')
    with pytest.raises(SafetyRefusal, match="line 2 of the data is longer than 50 bytes"):
        read_documents(path, TEXT)


@given(st.text(), st.integers(1, 99))
def test_any_text_comes_back_as_it_was(text: str, number: int) -> None:
    try:
        line = json.dumps({"text": text}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse_line(line, number, TEXT) == Document(f"line:{number}", text, None)
