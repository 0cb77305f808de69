"""The outline, and formatting as a change."""

from __future__ import annotations

from invarlock.authoring.format import format_source
from invarlock.authoring.server.analysis import analyse
from invarlock.authoring.server.answers import applied
from invarlock.authoring.server.layout import formatted
from invarlock.authoring.server.outline import outline
from tests.authoring.server.support import WHOLE


def test_blocks_with_their_gates() -> None:
    symbols = {symbol.name: symbol for symbol in outline(analyse(WHOLE))}
    assert list(symbols) == [
        "windows",
        "tokenizer.same",
        "runtime.isolation",
        "loose",
        "tight",
        "ci",
        "a bad slice",
    ]
    tight = symbols["tight"]
    assert tight.detail == "tier refines loose"
    assert [(s.name, s.detail) for s in tight.children] == [
        ('perplexity.ratio on "code"', "<= 1.1"),
        ("spectral.shift on each family", "<= 0.1"),
    ]
    assert WHOLE[tight.name_start : tight.name_end] == "tight"
    assert WHOLE[tight.start : tight.end].endswith("}")


def test_formatting_gives_what_the_formatter_gives() -> None:
    text = WHOLE.replace("require kl.mean", "require   kl.mean").replace(
        "tier loose {", "tier loose  {"
    )
    changes = formatted(analyse(text))
    expected = format_source(text.encode(), filename="").decode()
    assert applied(text, changes) == expected
    assert formatted(analyse(expected)) == ()


def test_a_text_with_syntax_errors_is_left_alone() -> None:
    assert formatted(analyse(WHOLE.replace("refines loose {", "refines {{"))) == ()
