"""One spelling for one measure."""

from __future__ import annotations

import pytest

from tests.authoring.lint.support import found, marked, mended

RULE = "mixed-percent"


def _policy(*relations: str) -> str:
    gates = (f"tier t{n} {{ require top1.agreement {r} }}\n" for n, r in enumerate(relations))
    return "".join(gates)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((">= 90%", ">= 0.95"), (">= 90%", ">= 95%")),
        ((">= 0.9", ">= 95%"), (">= 0.9", ">= 0.95")),
        ((">= 0.9", ">= 95%", ">= 97.25%"), (">= 90%", ">= 95%", ">= 97.25%")),
        (("in [0.9, 0.99]", ">= 12.345%"), ("in [0.9, 0.99]", ">= 0.12345")),
    ],
)
def test_the_majority_or_the_first_is_followed(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    assert mended(RULE, _policy(*before)) == _policy(*after)
    assert not found(RULE, _policy(*after))


def test_two_measures_may_differ() -> None:
    assert not found(RULE, "tier t { require top1.agreement >= 90%; require perplexity.ratio < 2 }")


def test_tests_speak_the_same_language() -> None:
    test = 'test "x" { given top1.agreement = 0.8; expect fail }\n'
    assert marked(RULE, _policy(">= 90%", ">= 95%") + test.replace("{ ", "{ tier = t0; ")) == [
        "0.8"
    ]
