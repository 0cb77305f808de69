"""Inclusion of signer rules: against all short identities, and where it gives up."""

from __future__ import annotations

from itertools import pairwise, product
from random import Random

import pytest

from invarlock.errors import Inconclusive
from invarlock.policy.compare import Strictness, compare_bars
from invarlock.policy.compare.signers import includes, outside, witness
from invarlock.policy.ir import BarIR, Gate, Signers
from invarlock.policy.signers import Budget, KeySigner, SignerRule, WorkflowSigner
from tests.policy.compare.brute import SETTING_DEFAULTS

KEYS = tuple(KeySigner(key=f"sha256:{letter * 64}") for letter in "ab")


def workflow(repository: str, workflow: str = "w", ref: str = "r", issuer: str = "i") -> SignerRule:
    return WorkflowSigner(repository=repository, workflow=workflow, ref=ref, issuer=issuer)


def signers(*rules: SignerRule | str) -> Signers:
    made = [workflow(rule) if isinstance(rule, str) else rule for rule in rules]
    return Signers(rules=tuple(made))


def size(identity: SignerRule) -> int:
    assert isinstance(identity, WorkflowSigner)
    parts = (identity.repository, identity.workflow, identity.ref, identity.issuer)
    return sum(map(len, parts))


@pytest.mark.parametrize(
    ("parent", "child", "shortest"),
    [
        (["acme/*"], ["acme/models"], None),
        (["acme/models"], ["acme/*"], "acme/"),
        (["acme/*"], ["acme/*/x"], "acme//x"),  # a star does not cross a slash
        (["*"], ["a*", "*b"], None),
        (["a*", "b*"], ["*"], "c"),
        (["*a*"], ["*aa*"], None),
        (["**"], ["*"], None),
        (["*a", "*b", "*c"], ["*a*b"], None),
        (["*/*"], ["*/*/*"], "//"),
        (["a*c"], ["abc", "a*bc"], None),
    ],
)
def test_globs(parent: list[str], child: list[str], shortest: str | None) -> None:
    found = witness(signers(*parent), signers(*child))
    assert includes(signers(*parent), signers(*child)) is (shortest is None)
    if shortest is None:
        assert found is None
        return
    assert isinstance(found, WorkflowSigner)
    assert len(found.repository) == len(shortest)
    assert signers(*child).accepts(found)
    assert not signers(*parent).accepts(found)


def test_four_globs_are_one_question() -> None:
    """Neither rule covers the child by itself; together they do, or leave a corner open."""
    child = signers(workflow("a", ref="*"))
    halves = signers(workflow("*", ref="x*"), workflow("a", ref="*"))
    assert includes(halves, child)
    open_corner = signers(workflow("*", ref="x*"), workflow("b", ref="*"))
    found = witness(open_corner, child)
    assert isinstance(found, WorkflowSigner)
    assert (found.repository, found.ref[:1]) != ("b", "x")


def test_no_part_of_an_identity_is_empty() -> None:
    assert witness(signers("a*"), signers("*")) is not None
    found = witness(signers(KEYS[0]), signers("*"))
    assert isinstance(found, WorkflowSigner)
    assert found.repository


def test_keys_and_workflows_each_on_their_own() -> None:
    key, keyless = outside(signers(KEYS[0]), signers(*KEYS, "a"))
    assert key == KEYS[1]
    assert keyless == workflow("a")
    assert outside(signers(*KEYS, "*"), signers(KEYS[0], "a")) == (None, None)


def test_against_every_short_identity() -> None:
    """Random sets of rules over two letters and the slash, and all identities up to length 4."""
    random = Random(5)  # noqa: S311 - tests want the same rules each time
    texts = ["".join(text) for n in range(1, 5) for text in product("ab/c", repeat=n)]
    refs = ("r", "s")
    answers = {True: 0, False: 0}
    for _ in range(150):
        parent = signers(*(_rule(random) for _ in range(random.randint(1, 3))))
        child = signers(*(_near(random, parent) for _ in range(random.randint(1, 3))))
        lengths = [
            len(text) + len(ref)
            for text, ref in product(texts, refs)
            if child.accepts(one := workflow(text, ref=ref)) and not parent.accepts(one)
        ]
        found = witness(parent, child)
        assert includes(parent, child) is (found is None)
        answers[found is None] += 1
        if found is not None:
            assert child.accepts(found)
            assert not parent.accepts(found)
        if lengths:
            assert found is not None
            assert size(found) - 2 == min(lengths)
        else:
            assert found is None or size(found) - 2 > 4
    assert min(answers.values()) > 20


def _rule(random: Random) -> SignerRule:
    text = "".join(random.choices("ab/**", k=random.randint(1, 4)))
    return workflow(text, ref=random.choice(["r", "*"]))


def _near(random: Random, parent: Signers) -> SignerRule:
    """A rule of its own, or one of the parent's with its first star replaced."""
    rule = random.choice(parent.rules)
    if random.random() < 0.3 or not isinstance(rule, WorkflowSigner):
        return _rule(random)
    return workflow(rule.repository.replace("*", random.choice(["a", "b*"]), 1), ref=rule.ref)


def test_too_many_states_are_not_guessed() -> None:
    """Patterns whose subsets multiply: given up in bounded time, and said."""
    letters = "abcdefghijklmnop"
    parent = signers(*(f"*{b}*{a}*" for a, b in pairwise(letters)))
    child = signers("*" + "*".join(letters) + "*")
    with pytest.raises(Inconclusive) as caught:
        includes(parent, child)
    assert caught.value.code == "E136"
    assert includes(parent, signers("xbxax"))  # the control: the same parent, a plain child


def test_several_comparisons_share_a_budget() -> None:
    parent, child = signers("ab*", "a*b"), signers("a*b*")
    budget = Budget(2_000)
    assert not includes(parent, child, budget)
    with pytest.raises(Inconclusive):
        for _ in range(500):
            includes(parent, child, budget)
    assert not includes(parent, child)
    exhausted = Budget(0)
    assert includes(parent, signers("ab*", "ab*c"), exhausted)  # one covers it: no search


def test_too_long_patterns_are_refused() -> None:
    many = signers(*(workflow("x" * 250 + str(n)) for n in range(70)))
    assert includes(many, many)  # alike rules are never read
    with pytest.raises(Inconclusive) as caught:
        includes(many, signers("x*"))
    assert caught.value.code == "E136"


def bar(relation: Signers) -> BarIR:
    gate = Gate(measure="signature.by", level="require", relation=relation)
    return BarIR(task="causal_lm", settings=SETTING_DEFAULTS, gates=(gate,))


def test_a_bar_too_large_to_compare_claims_nothing() -> None:
    letters = "abcdefghijklmnop"
    old = signers(*(f"*{a}*{b}*" for a, b in pairwise(letters)))
    found = compare_bars(bar(old), bar(signers("*abcdefgh*abcdefgh*" * 12)))
    assert found.relation is Strictness.INCOMPARABLE
    assert found.differences[0].witnesses == ()
    assert "E136" in found.differences[0].note


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ([KEYS[0]], ["a"], "incomparable"),
        (["a"], [KEYS[0]], "incomparable"),
        ([KEYS[0], "a"], ["a", "b"], "incomparable"),
        ([KEYS[0]], [KEYS[1]], "mixed"),
        ([KEYS[0], "a"], [KEYS[1], "b"], "mixed"),
        ([KEYS[0]], [KEYS[0], "a"], "weaker"),
        ([KEYS[0], "a"], ["a"], "stricter"),
        (["*"], ["a"], "stricter"),
        (["a", "*"], ["*"], "equal"),
    ],
)
def test_key_against_keyless(
    old: list[SignerRule | str], new: list[SignerRule | str], answer: str
) -> None:
    found = compare_bars(bar(signers(*old)), bar(signers(*new)))
    assert found.relation == answer
    assert all(difference.witnesses for difference in found.differences)
