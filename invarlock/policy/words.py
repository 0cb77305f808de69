"""Gates and settings in words, and relations with their units, as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Measure, Unit
from invarlock.policy.intervals import describe, reach
from invarlock.policy.ir import Gate, Interval, Member, Relation
from invarlock.policy.signers import describe_rule

_WRITTEN: Final = frozenset({Unit.PP, Unit.NATS, Unit.TOKENS, Unit.WINDOWS})
"""Units that are written after a number; a ratio and a count stand alone."""
_MATRICES: Final = {
    "attn": "the attention matrices",
    "embed": "embedding and head",
    "ffn": "the feed-forward matrices",
    "other": "the other matrices",
}


def relation_text(gate: Gate) -> str:
    """The relation as the language writes it, with its unit: ``<= 0.2 nats``."""
    if not isinstance(gate.relation, Interval):
        return describe(gate.relation)
    relation = _readable(gate.relation, MEASURES[gate.measure])
    unit = MEASURES[gate.measure].unit
    low, high = _quantity(relation.low, unit), _quantity(relation.high, unit)
    if low is None or high is None or relation.low == relation.high:
        sign = describe(relation).split(" ")[0]
        return f"{sign} {low or high}" if low or high else describe(relation)
    opening, closing = "[" if relation.low_closed else "(", "]" if relation.high_closed else ")"
    return f"in {opening}{low}, {high}{closing}"


def _readable(relation: Interval, measure: Measure) -> Interval:
    """The one number that a measure can then be, where it is one: `<= 0` of a count is `== 0`."""
    reached = reach(relation, measure)
    return reached if reached.low is not None and reached.low == reached.high else relation


def _quantity(number: str | None, unit: Unit | None) -> str | None:
    if number is None or unit not in _WRITTEN:
        return number
    return f"{number} {unit.value}"


def setting_text(name: str, value: str) -> str:
    """The value of a setting with its unit: ``128 tokens``, ``95%``."""
    unit = SETTINGS[name].unit
    if unit is Unit.RATIO:
        return decimal_text(Decimal(value).scaleb(2)) + "%"
    return _quantity(value, unit) or value


def meaning(gate: Gate, settings: Mapping[str, str]) -> str:
    """One line on what the gate asks, such as ``…: all of the 95% interval is at most 1.1``.

    ``settings`` are those of the bar.
    """
    measure = MEASURES[gate.measure]
    subject = measure.summary + _where(gate)
    if isinstance(gate.relation, Interval):
        asked = _what(gate, measure, settings)
        asked += _bounds(_readable(gate.relation, measure), measure.unit)
    else:
        asked = _either(gate.relation)
    return f"{subject}: {asked}"


def _where(gate: Gate) -> str:
    if gate.target is None:
        return ""
    match gate.target.kind:
        case "slice":
            return f', in the slice "{gate.target.name}"'
        case "family":
            return f", in {_MATRICES[gate.target.name]}"
        case "each":
            return f", in each of {len(FAMILIES)} families of matrices"


def _what(gate: Gate, measure: Measure, settings: Mapping[str, str]) -> str:
    if not measure.interval:
        return ""
    if gate.statistic == "point":
        return "the estimate alone, whatever its interval, is "
    confidence = setting_text("estimate.confidence", settings["estimate.confidence"])
    return f"all of the {confidence} interval is "


def _bounds(relation: Interval, unit: Unit | None) -> str:
    low, high = _quantity(relation.low, unit), _quantity(relation.high, unit)
    if low is not None and low == high:
        return f"exactly {low}"
    parts = []
    if low is not None:
        parts.append(f"at least {low}" if relation.low_closed else f"above {low}")
    if high is not None:
        parts.append(f"at most {high}" if relation.high_closed else f"below {high}")
    return " and ".join(parts) or "any number"


def _either(relation: Relation) -> str:
    match relation:
        case Member():
            return " or ".join(relation.values)
        case Interval():
            return describe(relation)
        case _:
            return " or ".join(map(describe_rule, relation.rules))
