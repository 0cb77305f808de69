"""A refining tier cannot loosen a setting that its parent leaves at the default."""

from __future__ import annotations

import pytest

from invarlock.policy import PolicyFault, compile_policy

SOURCE = """\
invar 1
policy x "1"
task = causal_lm
tier balanced { require perplexity.ratio <= 1.1 }
tier strict refines balanced { estimate { confidence = CONFIDENCE }; require kl.mean <= 1 nats }
"""


def compiled(confidence: str) -> None:
    compile_policy(SOURCE.replace("CONFIDENCE", confidence).encode(), filename="x.invar")


def test_the_default_itself_may_be_said() -> None:
    compiled("95%")


def test_another_value_is_refused() -> None:
    with pytest.raises(PolicyFault) as caught:
        compiled("50%")
    (error,) = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert error.code == "E114"
    assert error.span.line == 5


@pytest.mark.parametrize("hidden", ["\r", "\u202e", "\u2066", "\u2028", "\x1b", "\u200b", "\0"])
def test_what_a_reviewer_cannot_see_is_refused(hidden: str) -> None:
    shown = SOURCE.replace("CONFIDENCE", "95%")
    compile_policy(shown.replace("\n", "\r\n").encode(), filename="x.invar")
    with pytest.raises(PolicyFault) as caught:
        compile_policy((shown + f"# note{hidden}more\n").encode(), filename="x.invar")
    assert [d.code for d in caught.value.diagnostics if d.severity == "error"] == ["E115"]
