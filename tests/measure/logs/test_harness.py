"""Sample logs of lm-evaluation-harness: what is read off a line, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from invarlock.canonical import NON_FINITE
from invarlock.measure.logs.harness import parse_sample
from tests.measure.logs.lines import Line, sample

LINE = sample(3, (-2.5, -0.25, -4.0), answer=1)


def parse(line: Line, slice_key: str | None = None) -> Any:
    return parse_sample(line, 4, slice_key)


def changed(**changes: Any) -> Line:
    return {**LINE, **changes}


def test_a_line_gives_losses_answer_and_sizes() -> None:
    item = parse(LINE)
    assert item.loss.tolist() == [2_500_000_000, 250_000_000, 4_000_000_000]
    assert item.answer == 1
    assert item.sizes == (10, 10, 10)
    assert (item.line, item.document, item.slice, item.tokens) == (4, "item:3", None, ())
    assert item.id == item.content
    assert parse(LINE, "kind").slice == "odd"


def test_the_content_is_the_question_and_not_what_a_model_said() -> None:
    same = parse(sample(3, (-1.0, -0.5, -9.0), answer=1))
    assert same.content == parse(LINE).content
    assert not np.array_equal(same.loss, parse(LINE).loss)
    for other in (
        sample(4, (-2.5, -0.25, -4.0), answer=1),
        changed(target="0", acc=0.0),
        changed(doc={**LINE["doc"], "weight": 0.75}),
    ):
        assert parse(other).content != parse(LINE).content


def test_sizes_are_bytes_of_the_choice_without_the_blank_before_it() -> None:
    asked = {**LINE["arguments"], "gen_args_0": {"arg_0": "Question 3", "arg_1": " zähes"}}
    assert parse(changed(arguments=asked)).sizes == (6, 10, 10)


def test_a_target_may_be_the_text_of_a_choice() -> None:
    assert parse(changed(target="answer 3-1")).answer == 1
    for target in ("answer 3-9", "3", "-1", "[1, 2]", None, 1):
        with pytest.raises(ValueError, match="`target`"):
            parse(changed(target=target))


def digits(*choices: str) -> Line:
    """The arguments of choices that are numbers."""
    return {
        f"gen_args_{at}": {"arg_0": "Question 3", "arg_1": f" {text}"}
        for at, text in enumerate(choices)
    }


@pytest.mark.parametrize(("choices", "answer"), [(("5", "1", "7"), 1), (("9", "8", "7"), 1)])
def test_a_target_of_digits_is_an_index(choices: tuple[str, ...], answer: int) -> None:
    assert parse(changed(arguments=digits(*choices), target="1")).answer == answer


def test_a_target_that_is_an_index_and_another_choice_s_text_is_refused() -> None:
    for choices in (("1", "2", "3"), ("2", "1", "1")):
        with pytest.raises(ValueError, match="one choice's index and another's text"):
            parse(changed(arguments=digits(*choices), target="1"))
    assert parse(changed(arguments=digits("4", "3", "5"), target="3")).answer == 1


def test_accuracy_by_bytes_is_checked_where_the_bar_divides_by_bytes() -> None:
    """Of `a` and `a longer one`, at equal odds a byte, the longer is likelier by its length."""
    asked = {
        **LINE["arguments"],
        "gen_args_0": {"arg_0": "Question 3", "arg_1": " a much longer one"},
    }
    resps = [[["-0.3", "False"]], [["-0.25", "True"]], [["-4.0", "False"]]]
    for claimed, good in ((0.0, True), (1.0, False), (None, True)):
        line = changed(arguments=asked, resps=resps, acc=1.0, acc_bytes=claimed)
        assert parse(line).answer == 1
        if good:
            assert parse_sample(line, 4, None, "bytes").answer == 1
        else:
            with pytest.raises(ValueError, match="`acc_bytes` that does not follow"):
                parse_sample(line, 4, None, "bytes")


def test_numbers_that_are_none_are_flagged() -> None:
    resps = [[["-inf", "False"]], [["-0.25", "True"]], [["nan", "False"]]]
    loss = parse(changed(resps=resps)).loss
    assert loss.tolist() == [NON_FINITE, 250_000_000, NON_FINITE]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"filter": "strict-match"}, "was filtered"),
        ({"acc_mutual_info": 1.0}, "unconditional"),
        ({"acc": 0.0}, "does not follow"),
        ({"arguments": {}}, "no `arguments`"),
        ({"arguments": {"gen_args_0": LINE["arguments"]["gen_args_0"]}}, "single choice"),
        ({"arguments": {"gen_args_0": {"arg_0": "a whole text"}}}, "rolling log-likelihood"),
        ({"arguments": {"gen_args_0": {"arg_0": "a", "arg_1": {"until": []}}}}, "was generated"),
        ({"arguments": {"gen_args_1": 1, "gen_args_2": 2}}, "`gen_args_0`"),
        ({"resps": LINE["resps"][:2]}, "one of `resps`"),
        ({"resps": [[["-1", "F"], ["-2", "F"]]] * 3}, "just once"),
        ({"resps": [[["much", "False"]]] * 3}, "no number"),
        ({"resps": [[["0.5", "False"]], *LINE["resps"][1:]]}, "above zero"),
        ({"doc_id": "a\nb"}, "doc_id"),
        ({"doc_id": True}, "doc_id"),
    ],
)
def test_what_cannot_be_represented_is_refused(changes: Line, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(changed(**changes))


def test_a_slice_must_be_there_when_it_is_asked_for() -> None:
    with pytest.raises(ValueError, match="`subject` in its `doc`"):
        parse(LINE, "subject")
    with pytest.raises(ValueError, match="slice that is not"):
        parse(LINE, "weight")
