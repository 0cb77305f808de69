"""Comments to lint need a rule and a reason."""

from __future__ import annotations

import pytest

from tests.authoring.lint.support import found, marked

RULE = "allow-without-reason"
TIER = "tier t { require perplexity.ratio <= 1.1 }\n"


@pytest.mark.parametrize(
    "comment",
    [
        "# lint: allow",
        "# lint: allow untested",
        "# lint: allow untested,",
        "#lint:disable untested",
    ],
)
def test_no_rule_or_no_reason(comment: str) -> None:
    assert marked(RULE, f"{comment}\n{TIER}") == [comment]


def test_an_unknown_rule_is_named() -> None:
    (hit,) = found(RULE, f"# lint: allow untestd, soon\n{TIER}")
    assert hit.message == "`untestd` is no rule of lint"
    assert hit.hint == "did you mean `untested`?"


@pytest.mark.parametrize("comment", ["# lint: allow untested, soon", "# lint is fine", "#"])
def test_what_is_well_formed_or_no_directive(comment: str) -> None:
    assert not found(RULE, f"{comment}\n{TIER}")
