"""Units where they are needed."""

from __future__ import annotations

import pytest

from tests.authoring.lint.support import found, mended

RULE = "unit-words"
TIER = "tier t {{ require {} }}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kl.mean <= 0.1", "kl.mean <= 0.1 nats"),
        ("kl.mean in [0, 0.1]", "kl.mean in [0 nats, 0.1 nats]"),
        ("perplexity.ratio <= 1.1 ratio", "perplexity.ratio <= 1.1"),
        ("invariants.non_finite == 0 count", "invariants.non_finite == 0"),
        ("windows.final >= 9 windows", "windows.final >= 9"),
    ],
)
def test_fixed(before: str, after: str) -> None:
    assert mended(RULE, TIER.format(before)) == TIER.format(after)
    assert not found(RULE, TIER.format(after))


@pytest.mark.parametrize(
    "gate",
    [
        "windows.tokens >= 9",
        "windows.tokens >= 9 tokens",
        "perplexity.ratio <= 110%",
        "delta_p.mean >= -1 pp",
        "kl.mean in [0, 0.1 nats]",
    ],
)
def test_what_is_said_once_is_enough(gate: str) -> None:
    assert not found(RULE, TIER.format(gate))


def test_settings_and_tests_too() -> None:
    body = TIER.format("kl.mean <= 1 nats") + "windows { length = 64 }\n"
    test = 'test "x" { given kl.mean = 2 in [1, 3]; expect fail because kl.mean }\n'
    assert mended(RULE, body).endswith("windows { length = 64 tokens }\n")
    assert "given kl.mean = 2 nats in [1 nats, 3 nats]" in mended(RULE, body + test)
