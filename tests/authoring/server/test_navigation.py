"""Definitions and references, in the document and across an include."""

from __future__ import annotations

import pytest

from invarlock.authoring.server.navigation import definition, references
from tests.authoring.server.support import HOUSE, WHOLE, at, whole

HEAD = 'invar 1\npolicy p "1"\ntask = causal_lm\n'
INCLUDE = f'include "house.invar" sha256:{"0" * 64} as house\n'
SIGNED = "signer r { }\nrequire signature.by in {r}\nrequire signature.by == r\n"


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("refines lo‸ose {", "tier loose"),
        ("tier = ti‸ght;", "tier tight"),
        ("profile = c‸i\n", "profile ci"),
        ('because perplexity.ratio ‸on "code"', 'require perplexity.ratio on "code" <= 1.1'),
        ('given perp‸lexity.ratio on "code"', 'require perplexity.ratio on "code" <= 1.1'),
    ],
)
def test_a_name_leads_to_where_it_is_declared(place: str, found: str) -> None:
    location = definition(*whole(place))
    assert location is not None
    assert not location.file
    assert found.endswith(WHOLE[location.start : location.end])
    assert WHOLE[: location.end].endswith(found)


def test_a_signer_leads_to_its_block() -> None:
    analysis, offset = at(HEAD + SIGNED.replace("{r}", "{r‸}"))
    location = definition(analysis, offset)
    assert location is not None
    assert analysis.text[: location.end].endswith("signer r")


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("tier a refines house.bal‸anced { }", "tier balanced"),
        ("tier a refines hou‸se.balanced { }", ""),
        ('include "house‸.invar" as h', ""),
    ],
)
def test_an_include_leads_into_its_file(line: str, target: str) -> None:
    location = definition(*at(HEAD + INCLUDE + line, {"house.invar": HOUSE}))
    assert location is not None
    assert location.file == "house.invar"
    assert HOUSE[: location.end].endswith(target)


def test_an_include_that_cannot_be_read_leads_nowhere() -> None:
    assert definition(*at(HEAD + INCLUDE + "tier a refines house.bal‸anced { }")) is None


@pytest.mark.parametrize("text", ["‸", "require ‸kl.mean <= 1", "tier a refines no‸body { }"])
def test_what_is_not_declared_here_leads_nowhere(text: str) -> None:
    assert definition(*at(HEAD + text)) is None


def test_references_are_all_places_of_the_name() -> None:
    analysis, offset = at(HEAD + SIGNED.replace("signer r", "signer ‸r") + "tier r { }\n")

    def lines(declaration: bool) -> list[int]:
        found = references(analysis, offset, declaration=declaration)
        return [analysis.text.count("\n", 0, place.start) + 1 for place in found]

    assert lines(declaration=True) == [4, 5, 6]
    assert lines(declaration=False) == [5, 6]


def test_references_of_nothing_are_none() -> None:
    assert references(*at(HEAD + "‸")) == []
