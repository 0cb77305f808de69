"""Where a comment counts as a reason."""

from __future__ import annotations

import pytest

from tests.authoring.lint.support import found

RULE = "bound-without-reason"
BARE = "tier t {\n  require kl.mean <= 0.1 nats\n  require kl.p99  <= 1 nats\n}\n"


def test_one_finding_a_block() -> None:
    (hit,) = found(RULE, BARE)
    assert hit.message == "2 bounds of the tier `t` without a comment that says why"
    assert hit.span.line == 7


@pytest.mark.parametrize(
    "body",
    [
        "# measured last year\n" + BARE,
        BARE.replace("{\n", "{  # measured last year\n", 1),
        BARE.replace("  require kl.mean", "  # measured last year\n  require kl.mean"),
        BARE.replace("nats\n", "nats  # measured last year\n"),
    ],
)
def test_a_comment_is_a_reason(body: str) -> None:
    assert not found(RULE, body)


@pytest.mark.parametrize(
    "body",
    [
        "# far above\n\n" + BARE,
        "#\n" + BARE,
        "# lint: allow untested, soon\n" + BARE,
        BARE.replace("  require kl.mean", "  # of another paragraph\n\n  require kl.mean"),
    ],
)
def test_what_is_no_reason(body: str) -> None:
    assert len(found(RULE, body)) == 1


def test_words_and_equalities_need_none() -> None:
    body = "tier t {\n  require invariants.non_finite == 0\n  require runtime.network == off\n}\n"
    assert not found(RULE, body)


def test_the_top_level_counts_too() -> None:
    (hit,) = found(RULE, "require kl.mean <= 0.1 nats\ntier t {}\n")
    assert hit.message == "one bound of the top level without a comment that says why"
