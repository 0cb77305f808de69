"""Relations as the policy spells them."""

from __future__ import annotations

import pytest

from invarlock.judge.relation import describe
from invarlock.policy.ir import Gate, Interval, Member


@pytest.mark.parametrize(
    ("relation", "text"),
    [
        (Interval(high="1.1"), "<= 1.1"),
        (Interval(high="1.1", high_closed=False), "< 1.1"),
        (Interval(low="-1"), ">= -1"),
        (Interval(low="-1", low_closed=False), "> -1"),
        (Interval(low="0", high="0"), "== 0"),
        (Interval(low="0.95", high="1.05"), "in [0.95, 1.05]"),
        (Interval(low="0", low_closed=False, high="1", high_closed=False), "in (0, 1)"),
        (Interval(), "in (-∞, ∞)"),
        (Member(values=("host", "sandbox")), "in {host, sandbox}"),
    ],
)
def test_relations(relation: Interval | Member, text: str) -> None:
    assert describe(Gate(measure="kl.mean", level="require", relation=relation)) == text
