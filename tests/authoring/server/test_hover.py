"""Hover: what the word or gate under the cursor means."""

from __future__ import annotations

import pytest

from invarlock.authoring.server.analysis import outcome
from invarlock.authoring.server.hover import hover
from invarlock.policy.compile import Compiled
from tests.authoring.server.support import HOUSE, WHOLE, at, whole

HEAD = 'invar 1\npolicy p "1"\ntask = causal_lm\n'


def page(marked: str, files: dict[str, str] | None = None) -> str:
    found = hover(*at(marked, files))
    return "" if found is None else found.text


def page_in_whole(place: str) -> str:
    found = hover(*whole(place))
    return "" if found is None else found.text


def test_a_measure_with_unit_range_and_direction() -> None:
    text = page(HEAD + "require perplexity.ra‸tio <= 1.1")
    assert "subject's perplexity over baseline's" in text
    assert "unit: ratio" in text
    assert "natural range: `> 0`" in text
    assert "higher is worse" in text
    assert "decided by: the interval estimate" in text
    assert "the interval is ignored" in page(HEAD + "require perplexity.ra‸tio.point <= 1.1")


def test_a_gate_with_its_bound_normalised_and_what_it_tightens() -> None:
    text = page_in_whole('perplexity.ratio on "code" <‸= 1.1\n')
    assert '**require** `perplexity.ratio on "code" <= 1.1`' in text
    assert "tightens `require … <= 1.2` of tier `loose`, line 10" in text
    assert "all of the 95% interval is at most 1.1" in text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("windows.final > 4", "windows.final >= 5 windows"),
        ("top1.agreement in [97%, 100%]", "top1.agreement >= 0.97"),
        ("invariants.non_finite < 1", "invariants.non_finite == 0"),
        ("delta_p.mean >= -01.50 pp", "delta_p.mean >= -1.5 pp"),
    ],
)
def test_bounds_are_shown_in_canonical_form(written: str, shown: str) -> None:
    assert f"**require** `{shown}`" in page(HEAD + f"requ‸ire {written}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("require perplexity.ratio <= 1.10", "the same as"),
        ("require perplexity.ratio <= 1.2", "**accepts more** than"),
        ("warn perplexity.ratio <= 1.0", "**weaker** than"),
        ("require kl.mean <= 1", "bounded here first"),
    ],
)
def test_what_a_gate_does_to_the_one_above(line: str, said: str) -> None:
    body = f"tier a {{ require perplexity.ratio <= 1.1 }}\ntier b refines a {{ ‸{line} }}\n"
    assert said in page(HEAD + body)


def test_a_gate_of_a_profile_names_the_tiers_that_have_it() -> None:
    text = page_in_whole("kl.mean <‸= 0.1 }")
    assert "what both accept counts" in text
    assert "- `tight`: `<= 0.2 nats`" in text


def test_a_gate_that_comes_from_an_included_tier() -> None:
    text = HEAD + f'include "house.invar" sha256:{"0" * 64} as house\n'
    text += "tier a refines house.balanced { require kl.mean <‸= 0.1 }\n"
    said = page(text, {"house.invar": HOUSE})
    assert "tightens `require … <= 0.5 nats` of tier `base` in `house.invar`, line 6" in said


def test_the_text_of_others_is_no_markup() -> None:
    line = 'tier t { require perplexity.ratio on "![a](https://b)`" <‸= 1 }'
    text = page(HEAD + line)
    assert '``perplexity.ratio on "![a](https://b)`" <= 1``' in text
    assert "!\\[a\\](" in text
    assert text.count("![a](https://b)") == 1


def test_a_tier_with_its_digest() -> None:
    compiled = outcome(WHOLE)
    assert isinstance(compiled, Compiled)
    text = page_in_whole("tier ti‸ght refines")
    assert "tier `tight`, refines `loose`: 2 gates of its own" in text
    assert compiled.ir.bars["tight"].digest in text


def test_a_profile_with_the_digests_of_its_bars() -> None:
    compiled = outcome(WHOLE)
    assert isinstance(compiled, Compiled)
    assert compiled.ir.bars["tight+ci"].digest in page_in_whole("profile c‸i {")


def test_a_signer_with_its_parts() -> None:
    text = 'signer r {\n  repository = "https://example.org/`a`"\n}\nrequire signature.by in {‸r}\n'
    assert "- repository: `` https://example.org/`a` ``" in page(HEAD + text)


def test_a_gate_that_a_test_speaks_of() -> None:
    text = page_in_whole('because ‸perplexity.ratio on "code"')
    assert 'in the bar `tight+ci`: **require** `perplexity.ratio on "code" <= 1.1`' in text


def test_the_pin_of_an_include_is_compared_with_the_file() -> None:
    compiled = outcome(HOUSE)
    assert isinstance(compiled, Compiled)
    line = 'include "house.invar" ‸{} as house\n'
    right = page(HEAD + line.format(compiled.ir.digest), {"house.invar": HOUSE})
    wrong = page(HEAD + line.format("sha256:" + "0" * 64), {"house.invar": HOUSE})
    assert "it is that file's" in right
    assert compiled.ir.digest in wrong


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ti‸er t { }", "`tier NAME [refines NAME] { … }`"),
        ("windows { le‸ngth = 128 }", "default: `512`"),
        ("windows { length = 1‸28 }", "default: `512`"),
        ("estimate.interval = b‸ca", "how intervals are made"),
        ("# require k‸l.mean", ""),
        ("nonsen‸se", ""),
    ],
)
def test_words_and_settings(line: str, said: str) -> None:
    text = page(HEAD + line)
    assert said in text
    assert bool(text) == bool(said)
