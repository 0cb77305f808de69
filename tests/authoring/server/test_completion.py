"""Completion knows where it is: by the block, the statement, and the words before the cursor."""

from __future__ import annotations

import pytest

from invarlock.authoring.server.answers import Change, applied
from invarlock.authoring.server.completion import completions
from invarlock.policy.catalogue import MEASURES
from tests.authoring.server.support import HOUSE, WHOLE, at, whole

HEAD = 'invar 1\npolicy p "1"\ntask = causal_lm\n'


def labels(marked: str, files: dict[str, str] | None = None) -> list[str]:
    return [choice.label for choice in completions(*at(marked, files))]


def test_after_require_every_measure_and_every_point() -> None:
    expected = [*MEASURES, *(f"{m.name}.point" for m in MEASURES.values() if m.interval)]
    assert labels(HEAD + "require ‸") == expected
    assert labels(HEAD + "tier t {\n  warn perp‸\n}\n") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("require perplexity.ratio ‸", ["<=", ">=", "==", "<", ">", "in", "on"]),
        ("require tokenizer.same ‸", ["==", "in"]),
        ("require tokenizer.same == ‸", ["yes", "no"]),
        ("require runtime.network in {‸}", ["off", "on"]),
        ("require runtime.network in {off, ‸}", ["off", "on"]),
        ("require runtime.network in {\n  off,\n  ‸\n}", ["off", "on"]),
        ("require spectral.shift on ‸", ["each family", "attn", "embed", "ffn", "other"]),
        ("require spectral.shift on each ‸", ["family"]),
        ("require spectral.shift on each family ‸", ["<=", ">=", "==", "<", ">", "in"]),
        ("require kl.mean <= 0.05 ‸", ["nats"]),
        ("require kl.mean in [0.01 ‸", ["nats"]),
        ("require delta_p.mean >= -1 ‸", ["pp"]),
        ("require windows.tokens >= 50_000 ‸", ["tokens"]),
        ("require top1.agreement >= 97 ‸", ["%"]),
        ("require invariants.non_finite == 0 ‸", []),
        ("estimate.interval = ‸", ["bca"]),
        ("windows { ‸ }", ["schedule =", "length =", "beacon =", "content ="]),
        ("windows { schedule = ‸ }", ["baseline"]),
        ("windows { length = 128 ‸ }", ["tokens"]),
        ("task = ‸", ["causal_lm", "masked_lm", "seq2seq_lm", "multiple_choice", "classification"]),
        ("signer s { ‸ }", ["key =", "repository =", "workflow =", "ref =", "issuer ="]),
        ("signer s { }\nrequire signature.by in {‸}", ["s"]),
        ("tier a { }\ntier b refines ‸ {", ["a"]),
        ("tier a ‸", ["refines"]),
        ('tier a { }\nprofile q { }\ntest "x" {\n profile = ‸\n}', ["q"]),
        ('tier a { }\ntest "x" {\n tier = ‸\n}', ["a"]),
        ('test "x" {\n ‸\n}', ["tier =", "profile =", "given", "expect"]),
        ('test "x" {\n expect fail ‸\n}', ["because"]),
    ],
)
def test_what_fits_where(line: str, expected: list[str]) -> None:
    assert labels(HEAD + line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "# require ‸",
        "require kl.mean <= 1  # in ‸",
        'about = "require ‸"',
        "require perplexity.ratio <= 1.0‸",
        "tier ‸",
        "require nope ‸",
    ],
)
def test_nothing_is_proposed_where_nothing_fits(line: str) -> None:
    assert labels(HEAD + line) == []


def test_the_header_comes_first() -> None:
    assert labels("‸") == ["invar 1"]
    assert labels("invar 1\n‸") == ["policy"]
    assert {"require", "tier", "include", "task ="} <= set(labels('invar 1\npolicy p "1"\n‸'))
    assert "task =" not in labels(HEAD + "‸")


def test_a_tier_takes_gates_and_settings() -> None:
    found = labels(HEAD + "tier t {\n  ‸\n}\n")
    assert found[:4] == ["require", "warn", "estimate", "model"]
    assert "windows.length =" in found


@pytest.mark.parametrize(
    "place", ['expect fail because ‸perplexity.ratio on "code"', "given ‸perpl"]
)
def test_a_test_is_offered_the_gates_of_its_bar(place: str) -> None:
    found = {choice.label: choice.detail for choice in completions(*whole(place))}
    assert list(found) == [
        "kl.mean",
        "perplexity.drift",
        'perplexity.ratio on "code"',
        "runtime.isolation",
        "spectral.shift on each family",
        "tokenizer.same",
        "windows.final",
    ]
    assert found['perplexity.ratio on "code"'] == "<= 1.1"


def test_slices_that_the_policy_speaks_of_are_offered() -> None:
    assert '"code"' in labels(WHOLE + "warn kl.mean on ‸")


def test_verdicts_and_values_of_a_test() -> None:
    assert "inconclusive" in labels(HEAD + 'test "x" {\n expect ‸\n}')
    assert labels(HEAD + 'test "x" {\n given tokenizer.same = ‸\n}')[:2] == ["yes", "no"]
    assert labels(HEAD + 'test "x" {\n given kl.mean = 0.1 ‸\n}') == ["nats", "in"]


def test_included_tiers_are_offered_with_their_alias() -> None:
    text = HEAD + f'include "house.invar" sha256:{"0" * 64} as house\ntier a refines ‸ {{'
    assert labels(text, {"house.invar": HOUSE}) == ["house.base", "house.balanced"]
    assert labels(text) == []  # nothing to read: nothing to offer


def test_a_choice_replaces_the_word_being_typed() -> None:
    analysis, offset = at(HEAD + "tier t {\n  require perp‸lex <= 1.1\n}\n")
    choice = next(c for c in completions(analysis, offset) if c.label == "perplexity.ratio")
    change = Change(choice.start, choice.end, choice.label)
    assert "  require perplexity.ratio <= 1.1\n" in applied(analysis.text, (change,))


def test_a_set_that_is_not_closed_does_not_swallow_the_next_gate() -> None:
    text = HEAD + "require runtime.network in {\nrequire tokenizer.same == ‸"
    assert labels(text) == ["yes", "no"]
