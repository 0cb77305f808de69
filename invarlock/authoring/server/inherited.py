"""What a gate says in full, and what it inherits from or tightens."""

from __future__ import annotations

from dataclasses import replace

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.levels import Level, lineage
from invarlock.authoring.server.placed import GateHere
from invarlock.policy.catalogue import MEASURES, SETTINGS
from invarlock.policy.checked import PlacedGate
from invarlock.policy.intervals import at_least_as_strict, canonical
from invarlock.policy.ir import Gate
from invarlock.policy.words import meaning, relation_text
from invarlock.present.markdown_text import code, inline


def gate_page(analysis: Analysis, here: GateHere) -> str:
    """The gate with its normalised bound and unit, what that means, and what it does to the one
    above it."""
    gate = here.placed.gate
    lines = [f"**{gate.level}** {bound_text(gate)}", "", inline(meaning(gate, _settings(analysis)))]
    if here.kind == "tier":
        lines += ["", _above(analysis, here)]
    elif here.kind == "profile":
        lines += [
            "",
            "where a tier bounds it too, what both accept counts",
            *_tiers(analysis, here),
        ]
    return "\n".join(lines)


def bound_text(gate: Gate) -> str:
    """The gate with its bound in canonical form and its unit."""
    return code(f"{gate.id} {_relation(gate)}")


def _relation(gate: Gate) -> str:
    relation = canonical(gate.relation, MEASURES[gate.measure])
    return relation_text(replace(gate, relation=relation))


def _settings(analysis: Analysis) -> dict[str, str]:
    """Settings of the top level, with the defaults of what it leaves unsaid."""
    settings = {name: setting.default for name, setting in SETTINGS.items()}
    checked = analysis.read.checked
    if checked is not None:
        settings |= {name: placed.value for name, placed in checked.top.settings.items()}
    return settings


def _above(analysis: Analysis, here: GateHere) -> str:
    for level in reversed(lineage(analysis, here.name)[:-1]):
        placed = level.gates.get(here.key)
        if placed is not None:
            return f"{_compared(here.placed.gate, placed.gate)} {_where(level, placed)}"
    return "bounded here first: nothing that this tier refines has it"


def _tiers(analysis: Analysis, here: GateHere) -> list[str]:
    checked = analysis.read.checked
    rows = []
    for tier in () if checked is None else checked.tiers:
        found = [
            level.gates[here.key] for level in lineage(analysis, tier) if here.key in level.gates
        ]
        if found:
            rows.append(f"- `{tier}`: {code(_relation(found[-1].gate))}")
    return ["", *rows] if rows else []


def _compared(child: Gate, parent: Gate) -> str:
    measure = MEASURES[parent.measure]
    before = code(f"{parent.level} … {_relation(parent)}")
    down = at_least_as_strict(child.relation, parent.relation, measure)
    up = at_least_as_strict(parent.relation, child.relation, measure)
    if child.level == "warn" and parent.level == "require":
        return f"**weaker** than {before}"
    if down and up:
        return f"the same as {before}" if child.level == parent.level else f"requires {before}"
    return f"tightens {before}" if down else f"**accepts more** than {before}"


def _where(level: Level, placed: PlacedGate) -> str:
    block = f"of tier {code(level.name)}" if level.name else "of the top level"
    file = f" in {code(level.file)}" if level.file else ""
    return f"{block}{file}, line {placed.span.line}"
