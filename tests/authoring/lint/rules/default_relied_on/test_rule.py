"""Settings left to defaults are said and written out."""

from __future__ import annotations

from invarlock.authoring.lint import fix, lint
from invarlock.authoring.lint.rules.default_relied_on import choices
from tests.authoring.lint.support import HEAD, found

RULE = "default-relied-on"
TIER = "\ntier t {\n  require kl.mean <= 1 nats\n}\n"
NAMES = [choice.name for choice in choices("causal_lm")]


def _said(body: str) -> set[str]:
    hits = found(RULE, body)
    return {name for hit in hits for name in NAMES if f"`{name}`" in hit.message}


def _fixed(source: str) -> str:
    return fix(source.encode(), filename="p.invar", rules={RULE}).source.decode()


def test_each_choice_is_said_until_it_is_made() -> None:
    plain = {choice.name for choice in choices("causal_lm") if not choice.measure}
    assert _said(TIER) == plain >= {"windows.length", "estimate.confidence"}
    assert _said("windows { length = 64 tokens }\n" + TIER) == plain - {"windows.length"}
    inside = TIER.replace("{\n", "{\n  estimate { confidence = 90%; seed = 7 }\n")
    assert _said(inside) == plain - {"estimate.confidence", "estimate.seed"}


def test_what_follows_from_a_choice_must_be_gated() -> None:
    capped = TIER.replace("{\n", "{\n  require spectral.caps <= 5\n")
    assert "spectral.level" in _said(capped)
    assert "spectral.level" not in _said("spectral { level = 1% }\n" + capped)


def test_what_is_for_another_task_is_not_asked_for() -> None:
    assert "estimate.normalise" not in NAMES
    other = [choice.name for choice in choices("multiple_choice")]
    assert "estimate.normalise" in other
    assert "windows.content" not in other


def test_fix_writes_what_holds_below_the_task_and_its_comment() -> None:
    source = (HEAD + TIER).replace("causal_lm\n", "causal_lm  # the only one\n")
    out = _fixed(source)
    rows = [row.split() for row in out.splitlines()]
    assert ["windows.length", "=", "512", "tokens"] in rows
    assert ["estimate.confidence", "=", "95%"] in rows
    assert ["task", "=", "causal_lm", "#", "the", "only", "one"] in rows
    assert _fixed(out) == out


def test_no_fix_where_other_code_shares_the_line() -> None:
    text = HEAD.replace("task = causal_lm\n\n", "task = causal_lm; tier t {")
    source = f"{text} require kl.mean <= 1 nats\n}}\n"
    hits = lint(source.encode(), filename="p.invar", rules={RULE})
    assert hits
    assert all(hit.fix is None for hit in hits)
    assert _fixed(source) == source
