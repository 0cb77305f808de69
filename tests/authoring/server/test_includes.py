"""What is said of included files, and what mends it."""

from __future__ import annotations

import pytest

from invarlock.authoring.server.analysis import Analysis, analyse
from invarlock.authoring.server.answers import Finding, applied
from invarlock.authoring.server.findings import findings
from invarlock.authoring.server.fixes import quick_fixes
from invarlock.authoring.server.layout import formatted
from invarlock.policy import compile_policy
from tests.authoring.server.support import HOUSE, reader

PIN = compile_policy(HOUSE.encode(), filename="").ir.digest
HEAD = 'invar 1\npolicy p "1"\ntask = causal_lm\n'
INCLUDE = f'include "house.invar" {PIN} as house\n'
TIER = "tier a refines house.balanced {\n  require perplexity.ratio <= 1.1\n}\n"


def read(text: str, **files: str) -> Analysis:
    named = {f"{name}.invar": source for name, source in files.items()}
    return analyse(HEAD + text, filename="p.invar", reader=reader(named))


def errors(analysis: Analysis) -> list[Finding]:
    return [found for found in findings(analysis) if found.severity == "error"]


def test_a_pinned_include_is_fine() -> None:
    assert errors(read(INCLUDE + TIER, house=HOUSE)) == []


@pytest.mark.parametrize("pin", ["", "sha256:" + "0" * 64])
def test_a_pin_can_be_written_and_asks_for_a_look(pin: str) -> None:
    analysis = read(INCLUDE.replace(PIN, pin) + TIER, house=HOUSE)
    (found,) = errors(analysis)
    assert found.code == "E123"
    (fix,) = quick_fixes(analysis, found.start, found.end)
    assert not fix.preferred
    mended = applied(analysis.text, fix.changes).removeprefix(HEAD)
    assert f'include "house.invar" {PIN} as house' in mended.replace("  ", " ")
    assert errors(read(mended, house=HOUSE)) == []


def test_an_error_of_the_file_stands_at_its_include_and_names_its_place() -> None:
    broken = HOUSE.replace("kl.mean <= 0.5 nats", "kl.mean <= 5 pp")
    analysis = read(INCLUDE + TIER, house=broken)
    (found,) = errors(analysis)
    assert found.code == "E103"
    assert found.message.startswith("line 6 of `house.invar`: ")
    assert analysis.text[found.start : found.end] == '"house.invar"'
    assert found.related is not None
    assert found.related.place.file == "house.invar"
    assert broken[found.related.place.start : found.related.place.end] == "5 pp"
    assert quick_fixes(analysis, found.start, found.end) == ()  # another file is not changed


def test_a_weaker_gate_names_the_place_in_the_file() -> None:
    analysis = read(INCLUDE + TIER.replace("1.1", "1.3"), house=HOUSE)
    (found,) = errors(analysis)
    assert found.code == "E106"
    assert found.related is not None
    assert found.related.place.file == "house.invar"
    place = HOUSE[found.related.place.start : found.related.place.end]
    assert place == "require perplexity.ratio <= 1.20"


def test_a_file_behind_a_file() -> None:
    outer = HOUSE.replace("task =", 'include "inner.invar" as inner\ntask =')
    analysis = read(INCLUDE + TIER, house=outer, inner=HOUSE.replace("yes", "maybe"))
    found = errors(analysis)
    assert "line 4 of `inner.invar`" in "\n".join(each.message for each in found)
    assert {analysis.text[each.start : each.end] for each in found} == {'"house.invar"'}


def test_what_is_not_used_can_be_removed() -> None:
    text = INCLUDE + "signer s { key = " + PIN + " }\ntier t { require kl.mean <= 0.1 nats }\n"
    analysis = read(text, house=HOUSE)
    unused = [found for found in findings(analysis) if found.code == "E122"]
    assert len(unused) == 2
    for found in unused:
        fixes = quick_fixes(analysis, found.start, found.end)
        (fix,) = [fix for fix in fixes if fix.finding.code == "E122"]
        mended = read(applied(analysis.text, fix.changes).removeprefix(HEAD), house=HOUSE)
        assert errors(mended) == []
        assert len([f for f in findings(mended) if f.code == "E122"]) == 1


@pytest.mark.parametrize(
    ("path", "code"), [("none.invar", "E124"), ("../house.invar", "E124"), ("p.invar", "E125")]
)
def test_what_cannot_be_read_is_said(path: str, code: str) -> None:
    text = INCLUDE.replace("house.invar", path) + TIER
    looping = HEAD + text
    assert [found.code for found in errors(read(text, house=HOUSE, p=looping))][:1] == [code]


def test_a_policy_that_includes_is_linted_and_laid_out_all_the_same() -> None:
    tier = TIER.replace("perplexity.ratio <= 1.1", "kl.mean   <= 0.1")
    analysis = read(INCLUDE + tier, house=HOUSE)
    assert errors(analysis) == []
    assert "unit-words" in {found.code for found in findings(analysis)}
    assert "require kl.mean <= 0.1\n" in applied(analysis.text, formatted(analysis))


def test_a_text_without_a_folder_includes_nothing() -> None:
    found = [f for f in findings(analyse(HEAD + INCLUDE + TIER)) if f.severity == "error"]
    assert [each.code for each in found] == ["E124"]
