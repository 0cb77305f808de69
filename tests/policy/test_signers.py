"""Signers: what a block may say, what a gate makes of it, and what refines what."""

from __future__ import annotations

import pytest

from invarlock.policy.ir import Signers
from invarlock.policy.signers import KeySigner, WorkflowSigner
from tests.policy.support import compiled, errors, marked, policy

KEY = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
WORKFLOW = """signer release {
  repository = "https://github.com/acme/models"
  workflow   = "acme/models/.github/workflows/release.yml"
  ref        = "refs/tags/*"
  issuer     = "https://token.actions.githubusercontent.com"
}
"""
TEAM = f"signer team {{ key = {KEY} }}\n"
BOTH = WORKFLOW + TEAM
TAG = WORKFLOW.replace("signer release", "signer tag").replace("refs/tags/*", "refs/tags/v1")


def by(*names: str) -> str:
    return f"require signature.by in {{{', '.join(names)}}}\n"


def rules(text: str, bar: str = "t") -> Signers:
    gate = compiled(text).ir.bars[bar].gate("signature.by")
    assert gate is not None
    assert isinstance(gate.relation, Signers)
    return gate.relation


def warnings(text: str, code: str) -> list[str]:
    return [found.message for found in compiled(text).warnings if found.code == code]


def test_a_gate_holds_the_rules_of_the_signers_it_names() -> None:
    found = rules(policy(by("release", "team") + BOTH))
    assert found.rules == (
        WorkflowSigner(
            repository="https://github.com/acme/models",
            workflow="acme/models/.github/workflows/release.yml",
            ref="refs/tags/*",
            issuer="https://token.actions.githubusercontent.com",
        ),
        KeySigner(key=KEY),
    )


def test_names_and_order_of_signers_do_not_move_the_digest() -> None:
    text = policy(BOTH + by("release", "team"))
    digest = compiled(text).ir.digest
    renamed = text.replace("team", "people").replace("signer release", "signer robots")
    renamed = renamed.replace("{release,", "{robots,")
    assert compiled(renamed).ir.digest == digest
    assert compiled(policy(TEAM + WORKFLOW + by("team", "release"))).ir.digest == digest
    twin = policy(BOTH + TEAM.replace("team", "twin") + by("release", "team", "twin"))
    assert compiled(twin).ir.digest == digest
    assert compiled(policy(BOTH + by("team"))).ir.digest != digest
    assert compiled(text.replace("refs/tags/*", "refs/tags/v*")).ir.digest != digest


def test_one_signer_may_be_compared_with() -> None:
    assert rules(policy(TEAM + "require signature.by == team")) == rules(policy(TEAM + by("team")))


CASES = [
    ("E101", policy(TEAM.replace("team", "«a.b»")), policy(TEAM + by("team"))),
    ("E101", policy(TEAM.replace("}", "; «warn kl.mean <= 1» }")), policy(TEAM + by("team"))),
    ("E102", policy(WORKFLOW.replace("ref  ", "«rev»")), policy(WORKFLOW + by("release"))),
    ("E103", policy('signer s { key = «"x"» }'), policy(TEAM + by("team"))),
    ("E103", policy(WORKFLOW.replace('"refs/tags/*"', "«main»")), policy(WORKFLOW + by("release"))),
    ("E103", policy(TEAM + 'require signature.by in {«"team"»}'), policy(TEAM + by("team"))),
    ("E103", policy(TEAM + "require signature.by «>= team»"), policy(TEAM + by("team"))),
    ("E105", policy(TEAM + by("team", "«team»")), policy(TEAM + by("team"))),
    ("E105", policy(TEAM + TEAM.replace("team", "«team»")), policy(TEAM + by("team"))),
    (
        "E105",
        policy(TEAM.replace("}", f"; «key = {OTHER}» }}")),
        policy(TEAM + by("team")),
    ),
    ("E108", policy("require signature.by «in {}»"), policy(TEAM + by("team"))),
    ("E113", policy(TEAM + 'require signature.by on «"x"» == team'), policy(TEAM + by("team"))),
    ("E126", policy(TEAM + by("«teem»")), policy(TEAM + by("team"))),
    ("E126", policy("require signature.by == «nobody»"), policy(TEAM + by("team"))),
    ("E127", policy("signer «empty» {}"), policy(TEAM + by("team"))),
    (
        "E127",
        policy(f'signer s {{ key = {KEY}; «ref = "x"» }}'),
        policy(TEAM + by("team")),
    ),
    (
        "E127",
        policy(
            WORKFLOW.replace('  ref        = "refs/tags/*"\n', "").replace("rel", "«rel", 1)
        ).replace("release {", "release» {"),
        policy(WORKFLOW + by("release")),
    ),
    (
        "E127",
        policy(WORKFLOW.replace('"refs/tags/*"', '«"refs/**"»')),
        policy(WORKFLOW.replace('"refs/tags/*"', '"refs/*/*"') + by("release")),
    ),
    (
        "E127",
        policy(WORKFLOW.replace('"refs/tags/*"', '«""»')),
        policy(WORKFLOW + by("release")),
    ),
    (
        "E127",
        policy(
            WORKFLOW.replace("/acme/models/", "/аcme/models/").replace('"refs/tags/*"', '«"а"»')
        ),
        policy(WORKFLOW + by("release")),
    ),
    (
        "E127",
        policy(WORKFLOW.replace('"refs/tags/*"', "«" + '"' + "x" * 257 + '"»')),
        policy(WORKFLOW.replace("refs/tags/*", "x" * 256) + by("release")),
    ),
    (
        "E128",
        policy(BOTH + by("team"), rest="profile p { «require signature.by == release» }"),
        policy(BOTH + by("team", "release"), rest="profile p { require signature.by == release }"),
    ),
    (
        "E106",
        policy(BOTH + by("team"), "«require signature.by in {team, release}»"),
        policy(BOTH + by("team", "release"), "require signature.by in {team}"),
    ),
]


@pytest.mark.parametrize(("code", "faulty", "mended"), CASES)
def test_each_error_points_at_its_place_and_the_mended_policy_compiles(
    code: str, faulty: str, mended: str
) -> None:
    text, *place = marked(faulty)
    (found,) = errors(text)
    span = found.span
    assert found.code == code
    assert [span.line, span.column, span.end_line, span.end_column] == place
    assert errors(mended) == []


def test_a_statement_that_cannot_be_read_is_not_called_missing() -> None:
    broken = WORKFLOW.replace('= "refs/tags/*"', '"refs/tags/*"')
    assert [found.code for found in errors(policy(broken + by("release")))] == ["E102"]


def test_a_signer_that_no_gate_and_no_test_names_is_warned_of() -> None:
    assert warnings(policy(BOTH + by("team")), "E122") == ["no gate names the signer `release`"]
    assert warnings(policy(BOTH + by("team", "release")), "E122") == []
    case = 'test "x" { given signature.by = release; expect fail because signature.by }'
    assert warnings(policy(BOTH + by("team"), rest=case), "E122") == []


def test_a_test_names_declared_signers_only() -> None:
    case = 'test "x" { given signature.by = reliase; expect fail because signature.by }'
    assert [d.code for d in errors(policy(TEAM + by("team"), rest=case))] == ["E126"]


def test_globs_refine_by_what_they_accept() -> None:
    wide = policy(WORKFLOW + TAG + by("release"), "require signature.by == tag")
    assert rules(wide).rules[0] == rules(policy(TAG + by("tag"))).rules[0]
    narrow = policy(WORKFLOW + TAG + by("tag"), "require signature.by == release")
    assert [d.code for d in errors(narrow)] == ["E106"]


@pytest.mark.parametrize(("top", "profile"), [("release", "tag"), ("tag", "release")])
def test_a_profile_and_a_tier_combine_to_the_smaller_set(top: str, profile: str) -> None:
    text = policy(
        WORKFLOW + TAG + by(top), rest=f"profile p {{ require signature.by == {profile} }}"
    )
    assert rules(text, "t+p") == rules(policy(TAG + by("tag")))


def test_globs_that_are_too_large_to_compare_are_refused_in_bounded_time() -> None:
    stars = "*a" * 120
    first = WORKFLOW.replace("refs/tags/*", stars)
    second = TAG.replace("refs/tags/v1", "*b" * 120)
    text = policy(first + second + by("release"), "require signature.by == tag")
    assert [d.code for d in errors(text)] in (["E136"], ["E106"])
