"""What the semantic digest covers, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.policy.support import compiled

BASE = """invar 1
policy sample "1.0.0"
about = "what it is for"
task = causal_lm
windows { schedule = baseline; length = 128 tokens }
estimate { confidence = 95%; seed = 7 }
require tokenizer.same == yes
require runtime.isolation in {sandbox, host}
tier wide {
  require perplexity.ratio <= 105%
  require kl.mean on "code" in [0.5, 1)
  warn spectral.shift on each family <= 0.1 nats
}
tier narrow refines wide {
  require perplexity.ratio <= 1.04
}
profile ci {
  require windows.tokens >= 50_000 tokens
}
test "t" { tier = wide; expect pass }
"""
DIGEST = "sha256:3a780fcc1de9dde5d62204fdcb3bbcb51c123a818c7955574f1007b1b5847f14"


def digest(text: str) -> str:
    return compiled(text).ir.digest


def swap(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


SAME = {
    "comments": swap("\n", "  # a remark\n"),
    "blank lines": swap("\n", "\n\n"),
    "carriage returns": swap("\n", "\r\n"),
    "indentation": swap("  ", "\t"),
    "semicolons": swap("yes\nrequire", "yes ; require"),
    "percent as ratio": swap("105%", "1.05"),
    "trailing zeros": swap("105%", "105.000%"),
    "leading zeros": swap("<= 1.04", "<= 01.04"),
    "underscores": swap("50_000 tokens", "5_0000"),
    "unit left out": swap("0.1 nats", "0.10"),
    "order of a set": swap("{sandbox, host}", "{\n host,\n sandbox\n}"),
    "order of gates": swap(
        "require tokenizer.same == yes\nrequire runtime.isolation in {sandbox, host}",
        "require runtime.isolation in {sandbox, host}\nrequire tokenizer.same == yes",
    ),
    "settings spelt in full": swap(
        "windows { schedule = baseline; length = 128 tokens }", "windows.length = 128"
    ),
    "defaults written out": swap("seed = 7", "seed = 7; interval = bca; resample = document"),
    "defaults left out": swap("estimate { confidence = 95%; seed = 7 }", ""),
    "equality as a set": swap("tokenizer.same == yes", "tokenizer.same in {yes}"),
    "name of the policy": swap("policy sample", "policy another"),
    "version of the policy": swap('"1.0.0"', '"2.0.0"'),
    "about": swap('about = "what it is for"', ""),
    "tests": swap('test "t" { tier = wide; expect pass }', ""),
    "inherited gate written out": swap(
        "require perplexity.ratio <= 1.04",
        'require perplexity.ratio <= 1.04\n  require kl.mean on "code" in [0.5, 1)',
    ),
}

CHANGED = {
    "bound": swap("105%", "105.1%"),
    "openness": swap("[0.5, 1)", "[0.5, 1]"),
    "low end": swap("[0.5, 1)", "[0.4, 1)"),
    "operator": swap("ratio <= 105%", "ratio < 105%"),
    "level": swap("warn spectral", "require spectral"),
    "statistic": swap('kl.mean on "code"', 'kl.mean.point on "code"'),
    "slice": swap('"code"', '"prose"'),
    "family": swap("each family", "attn"),
    "measure": swap("kl.mean", "kl.p99"),
    "set": swap("{sandbox, host}", "{sandbox}"),
    "word": swap("tokenizer.same == yes", "tokenizer.same == no"),
    "gate removed": swap("require tokenizer.same == yes", ""),
    "gate of a profile": swap("50_000", "50_001"),
    "window length": swap("128", "129"),
    "confidence": swap("95%", "99%"),
    "seed": swap("seed = 7", "seed = 8"),
}


@pytest.mark.parametrize("name", SAME)
def test_spelling_order_and_names_leave_the_digest(name: str) -> None:
    edited = SAME[name](BASE)
    assert edited != BASE
    assert digest(edited) == digest(BASE)
    assert compiled(edited).source_digest != compiled(BASE).source_digest


@pytest.mark.parametrize("name", CHANGED)
def test_every_single_change_of_meaning_moves_the_digest(name: str) -> None:
    assert digest(CHANGED[name](BASE)) != digest(BASE)


@given(st.permutations(sorted(SAME)).map(lambda names: names[:6]))
def test_spellings_combine(names: list[str]) -> None:
    text = BASE
    for name in sorted(names, key="carriage returns".__eq__):  # last: it ends lines for good
        try:
            edited = SAME[name](text)
        except AssertionError:  # an earlier edit took away what this one would change
            continue
        text = edited
    assert digest(text) == digest(BASE)


def test_names_of_tiers_move_the_policys_digest_and_not_the_bars() -> None:
    renamed = compiled(BASE.replace("narrow", "strict").replace("profile ci", "profile nightly"))
    plain = compiled(BASE)
    assert renamed.ir.digest != plain.ir.digest
    assert renamed.ir.bars["strict+nightly"].digest == plain.ir.bars["narrow+ci"].digest
    assert len({bar.digest for bar in plain.ir.bars.values()}) == 4


def test_the_digest_is_the_one_published() -> None:
    """A golden value: another implementation, and every later version, must find the same."""
    assert digest(BASE) == DIGEST


@given(
    st.decimals(min_value="0.001", max_value=1000, places=6),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_number_has_one_digest_however_it_is_written(
    value: Decimal, zeros: int, percent: bool
) -> None:
    text = f"{value * 100:f}" if percent else f"{value:f}"
    spelt = ("0" if zeros else "") + text + ("0" * zeros if "." in text else "")
    gate = "require perplexity.ratio <= {}"
    base = BASE.replace("refines wide", "").replace(
        "require perplexity.ratio <= 1.04", gate.format(f"{value:f}")
    )
    other = base.replace(gate.format(f"{value:f}"), gate.format(spelt + "%" * percent))
    assert digest(base) == digest(other)
