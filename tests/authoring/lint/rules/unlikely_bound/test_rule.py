"""Numbers that look like a mistaken unit, end by end; what policies really ask is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.authoring.lint import lint
from invarlock.authoring.lint.rules.unlikely_bound import USUAL
from invarlock.policy.catalogue import MEASURES, Kind, Unit
from tests.authoring.lint.support import found, marked
from tests.conftest import ROOT

RULE = "unlikely-bound"


def tier(gate: str) -> str:
    return f"tier t {{ require {gate}; require tokenizer.same == yes }}"


@pytest.mark.parametrize(
    ("slip", "number", "hint", "meant"),
    [
        ("perplexity.ratio <= 110", "110", "did you mean `110%`?", "perplexity.ratio <= 110%"),
        ("perplexity.ratio <= 1.1%", "1.1%", "did you mean `1.1`?", "perplexity.ratio <= 1.1"),
        ("perplexity.drift in [0.95, 105]", "105", "`105%`", "perplexity.drift in [0.95, 105%]"),
        ("top1.agreement >= 0.9%", "0.9%", "did you mean `0.9`?", "top1.agreement >= 0.9"),
        ("delta_p.mean.point >= -90 pp", "-90 pp", "", "delta_p.mean.point >= -0.9 pp"),
        ("kl.mean <= 5 nats", "5 nats", "`kl.mean` is in nats; check", "kl.mean <= 0.05 nats"),
        ("windows.final >= 50_000", "50_000", "`windows.tokens`", "windows.final >= 400"),
        ("windows.tokens >= 400", "400", "`windows.final`", "windows.tokens >= 50_000"),
        ("windows.match >= 1%", "1%", "did you mean `1`?", "windows.match >= 100%"),
    ],
)
def test_a_mistaken_unit_is_told_with_what_was_meant(
    slip: str, number: str, hint: str, meant: str
) -> None:
    assert marked(RULE, tier(slip)) == [number]
    (finding,) = found(RULE, tier(slip))
    assert finding.severity == "warning"
    assert hint in finding.hint
    assert not found(RULE, tier(meant))


def test_warned_bounds_count_and_what_a_test_supposes_does_not() -> None:
    body = 'tier t {{ {} kl.mean <= {} }}\ntest "x" {{ tier = t; given kl.mean = 9; expect {} }}'
    assert marked(RULE, body.format("require", "9", "pass")) == ["9"]
    assert not found(RULE, body.format("require", "1", "fail"))


def test_every_measure_that_is_not_merely_counted_has_a_usual_range() -> None:
    numbers = {m.name: m for m in MEASURES.values() if m.kind is Kind.NUMBER}
    assert {name for name, m in numbers.items() if m.unit is not Unit.COUNT} == USUAL.keys()
    for name, (low, high) in USUAL.items():
        limits = numbers[name].range
        assert low < high
        assert limits.low is None or limits.low <= low
        assert limits.high is None or high <= limits.high


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.invar")), ids=lambda p: p.stem)
def test_standard_policies_ask_what_is_usual(path: Path) -> None:
    assert lint(path.read_bytes(), filename=path.name, rules={RULE}) == ()
