"""Allowances are used or said to be unused."""

from __future__ import annotations

from invarlock.authoring.lint import lint
from tests.authoring.lint.support import HEAD, found

TIER = "tier t { require perplexity.ratio <= 1.1 }\n"


def _names(body: str) -> list[tuple[str, int]]:
    hits = lint((HEAD + body).encode(), filename="p.invar")
    return [(hit.rule, hit.span.line) for hit in hits if hit.rule in {"untested", "unused-allow"}]


def test_what_allows_something_is_used() -> None:
    assert _names(TIER) == [("untested", 6)]
    assert _names(f"# lint: allow untested, soon\n{TIER}") == []
    assert _names(TIER.strip() + "  # lint: allow untested, soon\n") == []


def test_what_allows_nothing_is_said() -> None:
    assert _names(f"# lint: allow point-alone, x\n# lint: allow untested, y\n{TIER}") == [
        ("unused-allow", 6)
    ]
    far = f"# lint: allow untested, too far above\n\n{TIER}"
    assert _names(far) == [("unused-allow", 6), ("untested", 8)]


def test_rules_that_did_not_run_prove_nothing() -> None:
    assert not found("unused-allow", f"# lint: allow point-alone, x\n{TIER}")
