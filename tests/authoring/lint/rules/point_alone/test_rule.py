"""A point estimate counts as backed only by the interval of the same thing."""

from __future__ import annotations

from tests.authoring.lint.support import found, marked

RULE = "point-alone"


def test_a_point_beside_its_interval_is_fine() -> None:
    both = "require kl.mean <= 0.1 nats\n  require kl.mean.point <= 0.05 nats"
    assert not found(RULE, f"tier t {{\n  {both}\n}}\n")
    assert marked(RULE, "tier t { require kl.mean.point <= 0.05 nats }") == ["kl.mean.point"]


def test_the_interval_of_another_slice_does_not_count() -> None:
    other = 'require kl.mean on "code" <= 0.1 nats; require kl.mean.point <= 0.1 nats'
    assert marked(RULE, f"tier t {{ {other} }}") == ["kl.mean.point"]


def test_an_interval_that_is_only_warned_does_not_count() -> None:
    warned = "warn kl.mean <= 0.1 nats; require kl.mean.point <= 0.1 nats"
    assert marked(RULE, f"tier t {{ {warned} }}") == ["kl.mean.point"]


def test_an_inherited_interval_counts_and_a_warned_point_is_no_bar() -> None:
    top = "require kl.mean <= 0.1 nats\n"
    assert not found(RULE, top + "tier t { require kl.mean.point <= 0.1 nats }")
    warned = "require perplexity.drift <= 1.1; warn kl.mean.point <= 0.1 nats"
    assert not found(RULE, f"tier t {{ {warned} }}")


def test_an_inherited_point_is_said_once() -> None:
    body = "require kl.mean.point <= 0.1 nats\ntier a {}\ntier b {}\nprofile c {}\n"
    assert marked(RULE, body) == ["kl.mean.point"]
