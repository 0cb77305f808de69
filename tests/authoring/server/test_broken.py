"""Broken text breaks nothing: every answer on every beginning of a policy, and on noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.authoring.server.analysis import Analysis, analyse
from invarlock.authoring.server.answers import Change, applied
from invarlock.authoring.server.completion import completions
from invarlock.authoring.server.findings import findings
from invarlock.authoring.server.fixes import quick_fixes
from invarlock.authoring.server.hover import hover
from invarlock.authoring.server.layout import formatted
from invarlock.authoring.server.navigation import definition, references
from invarlock.authoring.server.outline import outline
from invarlock.authoring.server.rename import rename
from invarlock.errors import UsageFault
from tests.authoring.server.support import HOUSE, reader

POLICY = """\
invar 1
policy p "1"
include "house.invar" as house
task = causal_lm; windows { length = 128 tokens }
signer s { repository = "σ😀" }
require signature.by in {s}
tier a refines house.base { warn kl.mean in [1%, 2) # x
  require spectral.shift on each family <= 0.1 }
profile q { require perplexity.ratio on "c" > 5 pp }
test "t" { tier = a; profile = q
  given kl.mean = 1 in (0, 2]; expect fail because kl.mean on "c" }
"""


def ask_everything(analysis: Analysis, offset: int) -> None:
    """Every answer at one place; what is answered fits the text."""
    size = len(analysis.text)
    for choice in completions(analysis, offset):
        assert 0 <= choice.start <= offset <= choice.end <= size
    found = hover(analysis, offset)
    assert found is None or found.start <= offset <= found.end
    location = definition(analysis, offset)
    assert location is None or location.end <= len(location.source or analysis.text)
    names = references(analysis, offset)
    changes = changes_or_code(analysis, offset)
    assert changes == "E701" or len(changes) == len(names) > 0


def changes_or_code(analysis: Analysis, offset: int) -> tuple[Change, ...] | str:
    """What a rename changes, or the code it is refused with."""
    try:
        return rename(analysis, offset, "renamed")
    except UsageFault as fault:
        return fault.code


def ask_of_the_whole(analysis: Analysis, offset: int) -> None:
    for symbol in outline(analysis):
        assert symbol.name
        assert symbol.start <= symbol.name_start <= symbol.name_end <= symbol.end
    for finding in findings(analysis):
        assert 0 <= finding.start <= finding.end <= len(analysis.text)
    for fix in quick_fixes(analysis, max(0, offset - 1), offset):
        assert applied(analysis.text, fix.changes) != analysis.text
    formatted(analysis)


def test_every_beginning_of_a_policy() -> None:
    """The text as it stands after each key stroke, asked about where it was typed."""
    for offset in range(len(POLICY) + 1):
        analysis = analyse(POLICY[:offset], reader=reader({"house.invar": HOUSE}))
        ask_everything(analysis, offset)
        ask_of_the_whole(analysis, offset)


def test_every_place_of_a_policy_with_errors() -> None:
    analysis = analyse(POLICY, reader=reader({"house.invar": HOUSE}))
    for offset in range(len(POLICY) + 1):
        ask_everything(analysis, offset)


_WORDS = st.sampled_from(
    [
        *'{}[]()=;,#\n"%<>',
        " ",
        "<=",
        "tier ",
        "test ",
        "require ",
        "in ",
        "refines ",
        "a",
        "kl.mean",
        "as ",
        "include ",
        "on ",
        "each ",
        "given ",
        "because ",
        "1.",
        "sha256:",
        "\ud800",
        "😀",
        "a.",
    ]
)


@given(st.lists(_WORDS, max_size=25).map("".join), st.data())
def test_any_text(text: str, data: st.DataObject) -> None:
    analysis = analyse(text)
    offset = data.draw(st.integers(0, len(text)))
    ask_everything(analysis, offset)
    ask_of_the_whole(analysis, offset)


@pytest.mark.parametrize(
    "text", ["{" * 5000, "tier a refines b {\n" * 3000, "a." * 40_000, "\n" * 9]
)
def test_large_nonsense(text: str) -> None:
    analysis = analyse(text)
    ask_everything(analysis, len(text))
    assert findings(analysis)


def test_includes_in_a_circle_end() -> None:
    loop = HOUSE.replace(
        "tier base {", 'include "house.invar" as house\ntier base refines house.base {'
    )
    analysis = analyse(loop, reader=reader({"house.invar": loop}))
    for offset in range(0, len(loop), 3):
        ask_everything(analysis, offset)
