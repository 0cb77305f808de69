"""Log-probabilities per token: what is read off a line, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from invarlock.evidence.schedule import window_id
from invarlock.measure.logs.tokens import parse_tokens
from tests.measure.logs.lines import Line, token_line

LINE = token_line(1, [464, 3290, 318], [-3.25, -0.0])


def changed(**changes: Any) -> Line:
    return {**LINE, **changes}


def test_a_line_gives_ids_and_the_loss_of_all_tokens_but_the_first() -> None:
    item = parse_tokens(LINE, 2, 8)
    assert item.tokens == (464, 3290, 318)
    assert item.id == window_id(item.tokens)
    assert item.loss.tolist() == [3_250_000_000, 0]
    assert (item.document, item.slice, item.line) == ("d1", "odd", 2)
    assert (item.answer, item.sizes) == (None, None)


def test_texts_of_tokens_are_content_without_ids() -> None:
    item = parse_tokens(changed(tokens=["The", " dog", " is"]), 2, 8)
    assert (item.tokens, item.id) == ((), item.content)
    assert item.content != parse_tokens(changed(tokens=["The", " cat", " is"]), 2, 8).content


def test_id_and_slice_may_be_left_out() -> None:
    bare = {key: LINE[key] for key in ("tokens", "logprobs")}
    item = parse_tokens(bare, 7, 8)
    assert (item.document, item.slice) == ("line:7", None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prompt": "The dog is"}, "unknown key `prompt`"),
        ({"tokens": "The dog is"}, "no `tokens`"),
        ({"tokens": [464], "logprobs": [None]}, "a single one"),
        ({"tokens": [464, 3290, "is"]}, "neither all ids"),
        ({"tokens": [464, 3290, True]}, "neither all ids"),
        ({"tokens": [464, 3290, -1]}, "neither all ids"),
        ({"tokens": [464, 3290, 1 << 32]}, "neither all ids"),
        ({"logprobs": [None, -1.0]}, "one of `logprobs`"),
        ({"logprobs": [-1.0, -1.0, -1.0]}, "scores its first"),
        ({"logprobs": [None, None, -1.0]}, "no numbers"),
        ({"logprobs": [None, "-1", -1.0]}, "no numbers"),
        ({"logprobs": [None, 0.25, -1.0]}, "above zero"),
        ({"id": "a\nb"}, "an? id"),
        ({"slice": 1.5}, "slice"),
        ({"tokens": list(range(9)), "logprobs": [None, *[-1.0] * 8]}, r"9 tokens.*allows 8"),
    ],
)
def test_what_cannot_be_read_is_refused(changes: Line, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_tokens(changed(**changes), 2, 8)
