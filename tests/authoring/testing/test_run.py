"""What a test supposes and expects, against the real judge."""

from __future__ import annotations

import pytest

from invarlock.authoring.testing import run_tests
from tests.policy.support import compiled, errors

POLICY = """invar 1
policy sample "1.0.0"
task = causal_lm
signer release {
  repository = "https://example.org/models"
  workflow   = "models/.github/workflows/release.yml"
  ref        = "refs/tags/*"
  issuer     = "https://token.example.org"
}
signer nightly {
  repository = "https://example.org/models"
  workflow   = "models/.github/workflows/nightly.yml"
  ref        = "refs/heads/main"
  issuer     = "https://token.example.org"
}
require signature.by in {release}
require runtime.isolation in {sandbox}
tier t {
  require perplexity.ratio <= 1.10
  require perplexity.ratio on "code" < 1.15
  require top1.agreement.point >= 90%
  require spectral.shift on each family <= 0.1 nats
  require spectral.shift on attn <= 0.05 nats
  warn kl.mean <= 0.05 nats
}
profile ci { require windows.final >= 240 }
"""


def problem(body: str) -> str:
    found = compiled(f'{POLICY}test "x" {{ {body} }}')
    (result,) = run_tests(found, found.cases)
    return result.problem


HOLDS = [
    "expect pass",
    "expect pass because kl.mean",
    "profile = ci; expect pass because windows.final",
    "given perplexity.ratio = 1.1; expect pass",
    "given perplexity.ratio = 1.11; expect fail because perplexity.ratio",
    "given perplexity.ratio = 1.2 in [1.05, 1.10]; expect pass",
    "given perplexity.ratio = 1.0 in [1.05, 1.11]; expect inconclusive because perplexity.ratio",
    'given perplexity.ratio on "code" = 1.15; expect fail because perplexity.ratio on "code"',
    "given top1.agreement.point = 90%; expect pass because top1.agreement.point",
    "given top1.agreement.point = 89% in [80%, 95%]; expect fail",
    "given perplexity.ratio = missing; expect incomplete because perplexity.ratio",
    "given perplexity.ratio = nan; expect incomplete because perplexity.ratio",
    "given perplexity.ratio = unpaired; expect incomplete because perplexity.ratio",
    "given runtime.isolation = host; expect fail because runtime.isolation",
    "given runtime.isolation = missing; expect incomplete because runtime.isolation",
    "given kl.mean = 0.06; expect warning because kl.mean",
    "given kl.mean = missing; expect warning because kl.mean",
    "given kl.mean = 0.06; expect pass",
    "profile = ci; given windows.final = 239; expect incomplete because windows.final",
    "given signature.by = release; expect pass",
    "given signature.by = nightly; expect fail because signature.by",
    "given signature.by = missing; expect incomplete because signature.by",
    "given spectral.shift on attn = 0.06; expect fail because spectral.shift on attn",
    "given spectral.shift on each family = 0.06; expect fail because spectral.shift on attn",
    "given spectral.shift on each family = 0.06; given spectral.shift on attn = 0.05; expect pass",
    "given spectral.shift on each family = 0.2; expect fail because spectral.shift on each family",
    "given kl.mean = missing; given perplexity.ratio = 2; expect fail because perplexity.ratio",
]
BROKEN = [
    ("given perplexity.ratio = 1.11; expect pass", "expected pass, came fail"),
    ("given perplexity.ratio = nan; expect fail", "expected fail, came incomplete"),
    (
        "given perplexity.ratio = 2; expect fail because top1.agreement.point",
        "that gate came pass; another one decided",
    ),
    ("given kl.mean = 1; expect fail because kl.mean", "came pass"),
    ("expect warning because kl.mean", "that gate passes"),
    ("expect warning because perplexity.ratio", "that gate is required"),
    (
        "given kl.mean = 1; given perplexity.ratio = 2; expect fail because kl.mean",
        "only warned of",
    ),
    ("given kl.mean = 1; given perplexity.ratio = 2; expect warning because kl.mean", "came fail"),
]


@pytest.mark.parametrize("body", HOLDS)
def test_what_holds(body: str) -> None:
    assert problem(body) == ""


@pytest.mark.parametrize(("body", "words"), BROKEN)
def test_what_does_not(body: str, words: str) -> None:
    assert words in problem(body)


@pytest.mark.parametrize(
    ("code", "wrong", "right"),
    [
        ("E105", "given kl.mean = 1; given kl.mean.point = 2", "given kl.mean.point = 2"),
        ("E113", "given kl.mean = missing in [0, 1]", "given kl.mean = 0.1 in [0, 1]"),
        ("E103", "given kl.mean = absent", "given kl.mean = missing"),
        ("E126", "given signature.by = other", "given signature.by = release"),
    ],
)
def test_what_a_test_cannot_suppose(code: str, wrong: str, right: str) -> None:
    source = POLICY.replace("warn", "require kl.mean.point <= 2\n  warn", 1)
    found = errors(f'{source}test "x" {{ {wrong}; expect pass }}')
    assert [error.code for error in found] == [code]
    assert errors(f'{source}test "x" {{ {right}; expect pass }}') == []


@pytest.mark.parametrize(
    ("code", "wrong", "right"),
    [
        ("E111", "expect warning", "expect warning because kl.mean"),
        ("E102", "expect warned", "expect pass"),
    ],
)
def test_what_a_test_cannot_expect(code: str, wrong: str, right: str) -> None:
    assert [error.code for error in errors(f'{POLICY}test "x" {{ {wrong} }}')] == [code]
    assert errors(f'{POLICY}test "x" {{ {right} }}') == []
