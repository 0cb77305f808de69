"""Numbers that no two models can give are refused, and those of real distributions never are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import NANO, NON_FINITE
from invarlock.errors import VerificationFault
from invarlock.evidence.consistency import DELTA_P_SLACK, check_rows


def row(baseline: float, subject: float, kl: float, delta_p: float, top1: int) -> list[list[int]]:
    """One row in units of 1e-9: the baseline's loss, then the subject's columns."""
    return [[round(number * NANO)] for number in (baseline, subject, kl, delta_p)] + [[top1]]


def checked(rows: list[list[int]]) -> str:
    """The code that the reader gives for these columns; empty when it takes them."""
    columns = np.array(rows, dtype=np.int64)
    try:
        check_rows(columns[0], columns[1:])
    except VerificationFault as fault:
        return fault.code
    return ""


def between(baseline: np.ndarray, subject: np.ndarray, token: int) -> list[list[int]]:
    """The row of one true token under two distributions."""
    p, q = float(baseline[token]), float(subject[token])
    kl = float((baseline * (np.log(baseline) - np.log(subject))).sum())
    same = int(baseline.argmax() == subject.argmax())
    return row(-np.log(p), -np.log(q), kl, q - p, same)


@given(seed=st.integers(0, 2**32 - 1), sharp=st.floats(0.1, 12), edit=st.floats(0, 6))
def test_what_two_distributions_give_is_taken(seed: int, sharp: float, edit: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, sharp, 50)
    moved = logits + rng.normal(0, edit, 50)
    tables = [np.exp(z - z.max()) / np.exp(z - z.max()).sum() for z in (logits, moved)]
    for token in (int(logits.argmax()), int(moved.argmax()), int(logits.argmin())):
        assert checked(between(*tables, token)) == ""


P, Q = 0.6, 0.5
TRUE = row(-np.log(P), -np.log(Q), 0.03, Q - P, 1)


def with_cell(column: int, number: int) -> list[list[int]]:
    return [[number] if place == column else cell for place, cell in enumerate(TRUE)]


def test_delta_p_follows_from_the_losses() -> None:
    honest = TRUE[3][0]
    assert checked(TRUE) == ""
    assert checked(with_cell(3, honest + 1)) == ""
    for by in (DELTA_P_SLACK + 2, -DELTA_P_SLACK - 2, NANO // 10):
        assert checked(with_cell(3, honest + by)) == "E404"


def test_kl_is_at_least_what_the_true_token_tells() -> None:
    least = P * np.log(P / Q) + (1 - P) * np.log((1 - P) / (1 - Q))
    assert checked(with_cell(2, round(least * NANO))) == ""
    assert checked(with_cell(2, round(0.9 * least * NANO))) == "E404"
    assert checked(with_cell(2, 0)) == "E404"


def test_a_token_that_both_hold_likely_is_agreed_on() -> None:
    likely = row(0.1, 0.12, 0.01, np.exp(-0.12) - np.exp(-0.1), 1)
    assert checked(likely) == ""
    assert checked([*likely[:4], [0]]) == "E404"


@pytest.mark.parametrize("column", [0, 1])
def test_nothing_is_known_of_a_token_without_both_losses(column: int) -> None:
    flagged = with_cell(column, NON_FINITE)
    assert checked(flagged) == "E404"
    assert checked([*flagged[:2], [NON_FINITE], [NON_FINITE], [NON_FINITE]]) == ""
