"""Each gate of the boundary is missed when it is absent, wide or only warned of."""

from __future__ import annotations

import pytest

from invarlock.authoring.lint.rules.boundary_open import SAFE
from invarlock.policy.catalogue import MEASURES
from tests.authoring.lint.support import found, marked

RULE = "boundary-open"
CLOSED = "".join(f"require {name} {relation}\n" for name, (relation, _) in SAFE.items())
TIER = "tier t { require perplexity.ratio <= 1.1 }\n"


def test_what_is_closed_at_the_top_is_closed_in_every_tier() -> None:
    assert not found(RULE, CLOSED + TIER)
    assert len(found(RULE, TIER)) == 1


@pytest.mark.parametrize("name", SAFE)
def test_each_gate_is_missed(name: str) -> None:
    lines = [line for line in CLOSED.splitlines() if f" {name} " not in line]
    hits = found(RULE, "\n".join(lines) + "\n" + TIER)
    assert [hit.message for hit in hits] == [
        f"the tier `t` does not require `{name} {SAFE[name][0]}`"
    ]


@pytest.mark.parametrize("name", SAFE)
def test_a_gate_that_lets_the_open_word_pass_or_only_warns_closes_nothing(name: str) -> None:
    words = ", ".join(MEASURES[name].words)
    relation = SAFE[name][0]
    wide = CLOSED.replace(f"require {name} {relation}", f"require {name} in {{{words}}}")
    warned = CLOSED.replace(f"require {name}", f"warn {name}")
    for body in (wide, warned):
        assert marked(RULE, body + TIER) == ["t"]


def test_what_all_tiers_lack_is_said_once() -> None:
    assert marked(RULE, TIER + TIER.replace("tier t", "tier u")) == ["sample"]
    partly = TIER + TIER.replace("tier t {", "tier u { require tokenizer.same == yes;")
    assert marked(RULE, partly) == ["t", "u"]


def test_the_open_words_are_words_of_the_catalogue() -> None:
    for name, (_, words) in SAFE.items():
        assert words < set(MEASURES[name].words)
