"""Slips brought from other languages: named at their place, with what to write, which compiles."""

from __future__ import annotations

import pytest

from tests.policy.support import HEAD, TIER, compiled, errors, marked, policy

# the slip, what is said to be written instead, and the policy with that
NUMBERS = [
    ("kl.mean <= «.05»", "`0.05`", "kl.mean <= 0.05"),
    ("delta_p.mean >= «-.5» pp", "`-0.5`", "delta_p.mean >= -0.5 pp"),
    ("kl.mean <= «5.»", "`5`", "kl.mean <= 5"),
    ("delta_p.mean >= «+1» pp", "`1`", "delta_p.mean >= 1 pp"),
    ("delta_p.mean >= «- 1» pp", "`-1`", "delta_p.mean >= -1 pp"),
    ("kl.mean <= «5e-2»", "`0.05`", "kl.mean <= 0.05"),
    ("kl.mean <= «1.5E2» nats", "`150`", "kl.mean <= 150 nats"),
    ("kl.mean <= «5e+1»", "`50`", "kl.mean <= 50"),
    ("kl.mean <= «1,1»", "`1.1`", "kl.mean <= 1.1"),
    ("kl.mean in [«0,05», 1]", "`0.05`", "kl.mean in [0.05, 1]"),
    ("windows.final >= «1,000»", "`1_000`", "windows.final >= 1_000"),
    ("windows.final in [«1,000», 2000]", "`1_000`", "windows.final in [1_000, 2000]"),
    ("«kl-mean» <= 1", "`kl.mean`", "kl.mean <= 1"),
]
BLOCKS = [
    (HEAD + "tier t«\n»{\n  require kl.mean <= 1\n}\n", "`tier t {` on one line"),
    (HEAD + TIER + "tier u«\n»  refines t {\n require kl.mean <= 1 }\n", "`tier u refines …` on"),
    (
        HEAD
        + "tier t { require kl.mean <= 1 } «tier» u { warn kl.mean <= 1; require kl.p99 <= 2 }",
        "`;` before it",
    ),
    (policy("require tokenizer.same == yes «require» kl.mean <= 1"), "`;` before it"),
    (policy("require kl.mean <= 1 «require» kl.p99 <= 1"), "`;` before it"),
    (HEAD + TIER + "tier u «extends» t { require kl.mean <= 1 }", "write `refines`"),
    (HEAD + TIER.replace("tier t", "tier «t-x»"), "write `t_x`"),
]


@pytest.mark.parametrize(("slip", "instead", "right"), NUMBERS)
def test_a_number_or_name_written_otherwise(slip: str, instead: str, right: str) -> None:
    text, *place = marked(policy(f"require {slip}"))
    (found,) = errors(text)
    assert found.code == "E101"
    assert [found.span.line, found.span.column, found.span.end_line, found.span.end_column] == place
    assert found.hint.startswith(f"write {instead}")
    assert compiled(policy(f"require {right}"))


@pytest.mark.parametrize(("source", "instead"), BLOCKS)
def test_a_block_written_otherwise_is_one_error(source: str, instead: str) -> None:
    start, end = source.index("«"), source.index("»") - 1
    text = source.replace("«", "").replace("»", "")
    (found,) = errors(text)
    assert found.code == "E101"
    assert instead in found.hint
    assert found.span.column == start - text.rfind("\n", 0, start)
    mended = {"\n": " ", "extends": "refines", "t-x": "t_x"}
    wrong = text[start:end]
    assert compiled(text[:start] + mended.get(wrong, f";{wrong}") + text[end:])


def test_an_exponent_that_makes_a_unit_is_told_too() -> None:
    (found,) = errors(policy("require kl.mean <= 5e2"))
    assert (found.code, found.hint) == ("E103", "did you mean `500`?")


def test_a_number_too_long_to_repeat_is_not_written_out() -> None:
    (found,) = errors(policy("require kl.mean <= 5e-99"))
    assert (found.message, found.hint) == ("`5e-99` has an exponent", "write its digits out")


def test_what_follows_a_slip_is_checked() -> None:
    found = errors(HEAD + "tier t\n{\n  require nope <= 1\n} tier u { warn nope <= 1 }")
    assert [each.code for each in found] == ["E101", "E102", "E101", "E102"]
