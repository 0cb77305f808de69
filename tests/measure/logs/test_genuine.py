"""Logs as lm-evaluation-harness 0.4.13 wrote them, of SmolLM2-135M and a 4-bit copy of it.

``scripts/make_logs.py`` made them; see there for the task, the texts and the edit.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from invarlock.measure.logs.arm import check_order
from invarlock.measure.logs.documents import log_documents
from invarlock.measure.logs.harness import parse_sample
from invarlock.measure.logs.items import Item, read_items
from invarlock.measure.logs.tokens import parse_tokens

DATA = Path(__file__).parent / "data"
ARMS = ("baseline", "subject")


def right(item: Item, by_size: bool) -> bool:
    sizes = item.sizes if by_size and item.sizes is not None else (1,) * len(item.loss)
    return int(np.argmin(item.loss / np.array(sizes))) == item.answer


def test_samples_give_the_harness_s_own_accuracies() -> None:
    read = {}
    for arm in ARMS:
        path = DATA / f"{arm}.samples.jsonl"
        read[arm] = read_items(path, partial(parse_sample, slice_key="kind", normalise="bytes"))
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(lines) == len(read[arm]) == 60
        for item, line in zip(read[arm], lines, strict=True):
            assert right(item, by_size=False) == bool(line["acc"])
            assert right(item, by_size=True) == bool(line["acc_bytes"])
    assert {item.slice for item in read["subject"]} == {"geography", "order", "sums"}
    check_order([item.content for item in read["baseline"]], read["subject"])
    one, other = (np.concatenate([item.loss for item in read[arm]]) for arm in ARMS)
    assert not np.array_equal(one, other)


def test_both_arms_logs_hold_one_set_of_documents() -> None:
    samples = {log_documents(DATA / f"{arm}.samples.jsonl", "lm-eval") for arm in ARMS}
    tokens = {log_documents(DATA / f"{arm}.tokens.jsonl", "tokens") for arm in ARMS}
    assert len(samples) == len(tokens) == 1


def test_four_bits_cost_log_loss() -> None:
    losses = {}
    for arm in ARMS:
        items = read_items(DATA / f"{arm}.tokens.jsonl", partial(parse_tokens, length=64))
        losses[arm] = float(np.concatenate([item.loss for item in items]).mean()) / 1e9
    assert losses["subject"] > losses["baseline"] > 0
