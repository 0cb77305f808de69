"""Redundant statements go; tighter ones and comments stay."""

from __future__ import annotations

from tests.authoring.lint.support import found, mended

RULE = "redundant"
PARENT = "tier a {\n  require perplexity.ratio <= 1.10\n}\n\n"


def test_the_same_bound_spelt_otherwise_is_the_same() -> None:
    child = (
        "tier b refines a {\n  require perplexity.ratio <= 110%\n  require kl.p99 <= 1 nats\n}\n"
    )
    assert len(found(RULE, PARENT + child)) == 1
    assert mended(RULE, PARENT + child) == PARENT + child.replace(
        "  require perplexity.ratio <= 110%\n", ""
    )


def test_a_tighter_bound_is_not_redundant() -> None:
    child = "tier b refines a {\n  require perplexity.ratio <= 1.05\n}\n"
    assert not found(RULE, PARENT + child)
    assert mended(RULE, PARENT + child) == PARENT + child


def test_the_comment_beside_a_removed_statement_stays() -> None:
    gates = "  require perplexity.ratio <= 1.10  # why\n  require kl.p99 <= 1 nats\n"
    child = f"tier b refines a {{\n{gates}}}\n"
    assert "# why" in mended(RULE, PARENT + child)
