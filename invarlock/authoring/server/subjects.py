"""What a gate or test can speak of: measures with their statistics, gates of a bar."""

from __future__ import annotations

from collections.abc import Iterator

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Choice
from invarlock.authoring.server.levels import bar_gates
from invarlock.authoring.server.names import declared
from invarlock.authoring.server.starters import keyword
from invarlock.authoring.server.statements import Statement
from invarlock.authoring.server.words import POINT, measure_page
from invarlock.policy.catalogue import MEASURES, Kind, Measure
from invarlock.policy.words import relation_text


def subject_choices() -> Iterator[Choice]:
    """Every measure, and its ``.point`` where there is an interval to ignore."""
    for measure in MEASURES.values():
        yield Choice(measure.name, "measure", measure.summary, measure_page(measure))
    for measure in MEASURES.values():
        if measure.interval:
            page = measure_page(measure, point=True)
            yield Choice(measure.name + POINT, "measure", "the point estimate alone", page)


def relation_choices(measure: Measure, *, targeted: bool) -> Iterator[Choice]:
    """What may follow a subject: an operator, or a target where it has none yet."""
    number = measure.kind is Kind.NUMBER
    for operator in ("<=", ">=", "==", "<", ">") if number else ("==",):
        yield Choice(operator, "operator")
    yield keyword("in")
    if not targeted and (measure.slices or measure.families):
        yield keyword("on")


def gates_in_test(analysis: Analysis, statement: Statement) -> list[Choice]:
    """The gates of the bar that the test around ``statement`` names."""
    tier, profile = bar_in_test(analysis, statement)
    gates = bar_gates(analysis, tier, profile)
    return [Choice(key, "gate", relation_text(placed.gate)) for key, placed in gates.items()]


def bar_in_test(analysis: Analysis, statement: Statement) -> tuple[str, str]:
    """Tier and profile that the test around ``statement`` names; the only tier, where it names
    none."""
    tiers = declared(analysis.names, "tier")
    named = {"tier": tiers[0] if len(tiers) == 1 else "", "profile": ""}
    for sibling in analysis.statements:
        if sibling.block is statement.block and sibling.word(1) == "=" and sibling.kind in named:
            named[sibling.kind] = sibling.word(2)
    return named["tier"], named["profile"]
