"""Rename: every place of the file, and refusals that say why."""

from __future__ import annotations

import pytest

from invarlock.authoring.server.answers import applied
from invarlock.authoring.server.rename import rename, renameable
from invarlock.errors import UsageFault
from invarlock.policy import compile_policy
from tests.authoring.server.support import HOUSE, at, whole

HEAD = 'invar 1\npolicy p "1"\ntask = causal_lm\n'
INCLUDE = f'include "house.invar" sha256:{"0" * 64} as house\n'


@pytest.mark.parametrize(
    ("place", "old", "count"), [("tier ti‸ght", "tight", 2), ("profile = c‸i", "ci", 2)]
)
def test_a_name_changes_everywhere_and_the_meaning_stays(place: str, old: str, count: int) -> None:
    analysis, offset = whole(place)
    changes = rename(analysis, offset, "renamed")
    renamed = applied(analysis.text, changes)
    assert len(changes) == count
    assert renamed == analysis.text.replace(old, "renamed")
    before = compile_policy(analysis.text.encode(), filename="")
    after = compile_policy(renamed.encode(), filename="")
    assert sorted(bar.digest for bar in before.ir.bars.values()) == sorted(
        bar.digest for bar in after.ir.bars.values()
    )


def test_signers_and_aliases_change_too() -> None:
    analysis, offset = at(HEAD + "signer r‸ { }\nrequire signature.by in {a, r}\ntier r { }\n")
    assert applied(analysis.text, rename(analysis, offset, "s")) == (
        HEAD + "signer s { }\nrequire signature.by in {a, s}\ntier r { }\n"
    )
    analysis, offset = at(HEAD + INCLUDE + "tier a refines hou‸se.base { }\n")
    assert applied(analysis.text, rename(analysis, offset, "home")) == (
        HEAD + INCLUDE.replace("as house", "as home") + "tier a refines home.base { }\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("require kl.me‸an <= 1", "word of the catalogue"),
        ("windows { le‸ngth = 128 }", "word of the catalogue"),
        ("requ‸ire kl.mean <= 1", "word of the language"),
        ("tier a refines house.bal‸anced { }", "belongs to `house.invar`"),
        ("tier a refines nobo‸dy { }", "not declared in this file"),
        ("# com‸ment", "nothing here can be renamed"),
    ],
)
def test_what_cannot_be_renamed_is_refused_with_the_reason(line: str, said: str) -> None:
    analysis, offset = at(HEAD + INCLUDE + line, {"house.invar": HOUSE})
    with pytest.raises(UsageFault, match=said) as caught:
        renameable(analysis, offset)
    assert caught.value.code == "E701"
    analysis, offset = at(HEAD + INCLUDE + "tier a‸ { }", {"house.invar": HOUSE})
    assert renameable(analysis, offset).start == offset - 1


@pytest.mark.parametrize("new", ["", "Tight", "a.b", "1a", "tight tier", "require", "loose", "é"])
def test_a_name_that_cannot_be_is_refused(new: str) -> None:
    analysis, offset = whole("tier ti‸ght")
    with pytest.raises(UsageFault) as caught:
        rename(analysis, offset, new)
    assert caught.value.code == "E701"
    assert rename(analysis, offset, "tight")  # its own name is no clash
