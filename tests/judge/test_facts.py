"""Counted values: pairing, overlap, tokenizers, digests, runtime."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import digest_bytes
from invarlock.evidence.layout import whole_runs
from invarlock.evidence.schema import Window
from invarlock.judge import Key, contract_of
from invarlock.judge.facts import fact_values, overlapping
from tests.builders import SANDBOXED, Synthetic

CASE = Synthetic()
EVIDENCE = CASE.evidence()
CONTRACT = contract_of(CASE.bar)


def _window(name: str, document: str, start: int, length: int = 8) -> Window:
    one = digest_bytes(name.encode())
    return Window(
        id=one,
        subject_id=one,
        phase="final",
        document=document,
        slice=None,
        start=start,
        length=length,
        rows=length - 1,
    )


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], 0),
        ([("a", "x", 0), ("b", "x", 8), ("c", "y", 0)], 0),
        ([("a", "x", 0), ("b", "x", 7)], 1),
        ([("b", "x", 7), ("a", "x", 0)], 1),
        ([("a", "x", 0), ("b", "x", 7), ("c", "x", 14)], 2),
        ([("a", "x", 0), ("b", "x", 0)], 1),
        ([("a", "x", 0), ("a", "y", 0), ("a", "z", 100)], 2),
        ([("a", "x", 0), ("a", "x", 0)], 1),
        ([("a", "x", 0, 100), ("b", "x", 10, 5), ("c", "x", 50, 5), ("d", "x", 100, 5)], 2),
    ],
)
def test_overlap_is_measured_on_content(places: list[tuple[Any, ...]], expected: int) -> None:
    tokens = np.arange(8 * len(places), dtype=np.uint32).reshape(-1, 8)
    assert overlapping([_window(*place) for place in places], whole_runs(tokens)) == expected


@pytest.mark.parametrize(("shift", "repeats"), [(0, 20), (1, 20), (31, 20), (48, 19), (64, 20)])
def test_a_text_that_stands_twice_is_found_by_its_tokens(shift: int, repeats: int) -> None:
    """Two documents share a text at shifted offsets: no window of one has an id of the other's."""
    length, text = 64, np.random.default_rng(0).integers(0, 50_000, 64 * 20, dtype=np.uint32)
    other = np.concatenate([np.arange(60_000, 60_000 + shift, dtype=np.uint32), text])
    cut = [run[: len(run) // length * length].reshape(-1, length) for run in (text, other)]
    windows = [
        _window(f"{document}{row}", f"doc {document}", row * length, length)
        for document, rows in enumerate(cut)
        for row in range(len(rows))
    ]
    assert overlapping(windows[:20], whole_runs(cut[0])) == 0
    assert overlapping(windows, whole_runs(np.concatenate(cut))) == repeats


def test_counts_and_words() -> None:
    values = fact_values(EVIDENCE, CONTRACT)
    assert values[Key("windows.preview")].point == 12
    assert values[Key("windows.match")].point == 1
    assert values[Key("windows.overlap")].point == 0
    assert values[Key("estimate.resamples")].point == 400
    words = {key.measure: value.words for key, value in values.items() if value.words}
    assert words == {
        "tokenizer.same": "yes",
        "data.digest": EVIDENCE.header.data.digest,
        "baseline.digest": EVIDENCE.header.baseline.root,
        "evidence.origin": "measured",
        "runtime.isolation": "sandbox",
        "runtime.network": "off",
        "runtime.remote_code": "off",
        "runtime.pickle": "off",
        "runtime.plugins": "off",
    }


@pytest.mark.parametrize("subject_id", [None, digest_bytes(b"other")])
def test_windows_that_the_subject_cuts_otherwise(subject_id: str | None) -> None:
    changed = EVIDENCE.windows[5].model_copy(update={"subject_id": subject_id})
    windows = (*EVIDENCE.windows[:5], changed, *EVIDENCE.windows[6:])
    values = fact_values(replace(EVIDENCE, windows=windows), CONTRACT)
    match = values[Key("windows.match")]
    assert match.point == Decimal("0.972222222")
    assert not match.exact
    assert match.reason == "35 of 36"
    assert values[Key("tokenizer.same")].words == "no"


@pytest.mark.parametrize("part", ["vocabulary", "merges", "specials", "template"])
def test_every_part_of_a_tokenizer_counts(part: str) -> None:
    other = {part: digest_bytes(b"other")}
    subject = EVIDENCE.header.subject
    tokenizer = subject.tokenizer.model_copy(update=other)
    header = EVIDENCE.header.model_copy(
        update={"subject": subject.model_copy(update={"tokenizer": tokenizer})}
    )
    values = fact_values(replace(EVIDENCE, header=header), CONTRACT)
    assert values[Key("tokenizer.same")].words == "no"


@pytest.mark.parametrize(
    ("fact", "word"),
    [
        ("isolation", "host"),
        ("network", "on"),
        ("remote_code", "on"),
        ("pickle", "on"),
        ("plugins", "on"),
    ],
)
def test_the_runtime_is_read_off(fact: str, word: Any) -> None:
    runtime = SANDBOXED.model_copy(update={fact: word})
    values = fact_values(replace(EVIDENCE, runtime=runtime), CONTRACT)
    assert values[Key(f"runtime.{fact}")].words == word


def test_no_windows_no_shares() -> None:
    values = fact_values(replace(EVIDENCE, windows=()), CONTRACT)
    assert Key("windows.match") not in values
    assert Key("windows.overlap") not in values
