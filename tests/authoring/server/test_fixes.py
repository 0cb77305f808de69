"""Findings and their quick fixes: each fix offered mends what it says."""

from __future__ import annotations

import pytest

from invarlock.authoring.server.analysis import analyse
from invarlock.authoring.server.answers import applied
from invarlock.authoring.server.findings import findings
from invarlock.authoring.server.fixes import quick_fixes
from invarlock.policy import compile_policy
from tests.authoring.server.support import WHOLE


def codes(text: str) -> list[str]:
    return [found.code for found in findings(analyse(text)) if found.severity == "error"]


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("length = 128", "lenght = 128", "E102"),
        ("require perplexity.drift", "require perplexity.drif", "E102"),
        ("require perplexity.drift", "requir perplexity.drift", "E102"),
        ("on each family", "on each famly", "E102"),
        ("refines loose", "refines lose", "E107"),
        ("tier = tight", "tier = thight", "E107"),
        ("profile = ci", "profile = cii", "E107"),
        ("expect fail", "expect fial", "E102"),
        ('because perplexity.ratio on "code"', 'because perplexity.ratio on "cod"', "E102"),
        ("tokenizer.same == yes", 'tokenizer.same == "yes"', "E103"),
        ("invar 1", "invar 0", "E112"),
        ("task = causal_lm", "task = causal", "E102"),
        ("task = causal_lm\n", "", "E111"),
        ("spectral.shift on each family", "spectral.shift.point on each family", "E113"),
        ("require windows.final >= 240;", 'require windows.preview on "code" >= 240;', "E113"),
    ],
)
def test_a_slip_is_mended(right: str, wrong: str, code: str) -> None:
    assert codes(WHOLE) == []
    assert WHOLE.count(right) == 1
    text = WHOLE.replace(right, wrong)
    assert codes(text) == [code]
    fixes = quick_fixes(analyse(text), 0, len(text))
    assert len(fixes) == 1
    assert fixes[0].finding.code == code
    assert codes(applied(text, fixes[0].changes)) == []


def test_a_block_that_is_not_closed_is_closed() -> None:
    text = WHOLE.rstrip().removesuffix("}")
    (fix,) = quick_fixes(analyse(text), 0, len(text))
    assert fix.title == "add the missing `}`"
    assert applied(text, fix.changes) == WHOLE


@pytest.mark.parametrize("hidden", ["\u202e", "\x00", "\r"])
def test_what_no_reader_sees_is_taken_out(hidden: str) -> None:
    text = WHOLE.replace("# and", f"# and{hidden}")
    (fix,) = quick_fixes(analyse(text), 0, len(text))
    assert fix.finding.code == "E115"
    assert applied(text, fix.changes) == WHOLE


def test_a_gate_that_stands_twice_is_taken_out_with_its_line() -> None:
    text = WHOLE.replace("tier loose {\n", "tier loose {\n  warn kl.mean <= 0.3\n")
    (fix,) = quick_fixes(analyse(text), 0, len(text))
    assert fix.title == "remove the statement"
    mended = applied(text, fix.changes)
    assert codes(mended) == []
    assert len(mended.splitlines()) == len(text.splitlines()) - 1


def test_a_statement_beside_others_leaves_them_alone() -> None:
    text = WHOLE.replace("profile ci { ", "profile ci { require kl.mean <= 0.2; ")
    (fix,) = quick_fixes(analyse(text), 0, len(text))
    assert "require windows.final >= 240" in applied(text, fix.changes)
    assert codes(applied(text, fix.changes)) == []


def test_a_weaker_gate_is_not_mended_by_guessing() -> None:
    text = WHOLE.replace('on "code" <= 1.1\n', 'on "code" <= 1.3\n')
    (found,) = [f for f in findings(analyse(text)) if f.severity == "error"]
    assert found.code == "E106"
    assert found.related is not None
    assert text[found.related.place.start :].startswith(
        'require perplexity.ratio on "code" <= 120%'
    )
    assert quick_fixes(analyse(text), 0, len(text)) == ()


def test_lint_finds_and_mends_in_a_policy_that_compiles() -> None:
    place = WHOLE.index("<= 0.1\n") + 3
    (fix,) = quick_fixes(analyse(WHOLE), place, place)
    assert fix.finding.code == "unit-words"
    mended = applied(WHOLE, fix.changes)
    assert "on each family <= 0.1 nats\n" in mended
    digests = [compile_policy(text.encode(), filename="").ir.digest for text in (WHOLE, mended)]
    assert digests[0] == digests[1]
    broken = WHOLE.replace("refines loose", "refines lose")
    assert not [f for f in findings(analyse(broken)) if f.code == "unit-words"]


def test_only_what_is_touched_is_mended() -> None:
    text = WHOLE.replace("drift", "drif").replace("tier = tight", "tier = thight")
    assert len(quick_fixes(analyse(text), 0, len(text))) == 2
    place = text.index("drif")
    (fix,) = quick_fixes(analyse(text), place, place)
    assert fix.title == "replace by `perplexity.drift`"


def test_every_finding_has_a_place_that_can_be_shown() -> None:
    for text in ("", "invar 1", WHOLE[:-3], "\ufeff" + WHOLE, "a\ud800b"):
        for found in findings(analyse(text)):
            assert 0 <= found.start <= found.end <= len(text)
            assert found.end > found.start or found.start == len(text)
