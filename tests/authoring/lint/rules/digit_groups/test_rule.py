"""Digits in threes."""

from __future__ import annotations

import pytest

from invarlock.authoring.lint.rules.digit_groups import grouped
from tests.authoring.lint.support import mended


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1000", "1000"),
        ("1_000", "1_000"),
        ("10000", "10_000"),
        ("12_00", "1_200"),
        ("1234567", "1_234_567"),
        ("-123456.7890123", "-123_456.7890123"),
        ("1_2", "12"),
        ("0", "0"),
        ("0.123456", "0.123456"),
        ("123_", "123"),
    ],
)
def test_grouped(written: str, expected: str) -> None:
    assert grouped(written) == expected
    assert grouped(expected) == expected


def test_the_unit_stays() -> None:
    tier = "tier t {{ require windows.tokens >= {} tokens; require kl.mean <= 1 nats }}\n"
    assert mended("digit-groups", tier.format("50000")) == tier.format("50_000")
