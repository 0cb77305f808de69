"""Only what the model says is harm, and only `require` counts."""

from __future__ import annotations

from tests.authoring.lint.support import found, marked

RULE = "harm-only-warned"


def test_weights_and_windows_are_no_measure_of_harm() -> None:
    body = "tier t { require spectral.shift <= 0.1 nats; require windows.final >= 9 }"
    assert marked(RULE, body) == ["t"]
    assert "requires nothing of what the model says" in found(RULE, body)[0].message
    assert not found(RULE, body.replace("spectral.shift", "kl.mean"))


def test_a_required_measure_beside_a_warned_one_is_fine() -> None:
    assert not found(RULE, "tier t { require kl.mean <= 1 nats; warn perplexity.ratio <= 1.1 }")


def test_each_tier_answers_for_itself() -> None:
    loose = "tier loose { require tokenizer.same == yes; warn kl.mean <= 1 nats }\n"
    assert marked(RULE, loose + "tier tight refines loose { require kl.mean <= 1 nats }") == [
        "loose"
    ]
