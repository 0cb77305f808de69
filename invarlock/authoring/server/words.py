"""What the catalogue says of a word, as Markdown for hovers and one line for completions."""

from __future__ import annotations

from typing import Final

from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Kind, Measure, Setting, Unit
from invarlock.policy.intervals import describe, range_interval

POINT: Final = ".point"

_DIRECTIONS: Final = {
    "above": "higher is worse",
    "below": "lower is worse",
    "both": "worse on both sides",
    "none": "no direction is worse by itself",
}
UNITS: Final[dict[Unit, tuple[str, ...]]] = {
    Unit.RATIO: ("%",),
    Unit.PP: ("pp",),
    Unit.NATS: ("nats",),
    Unit.TOKENS: ("tokens",),
    Unit.WINDOWS: ("windows",),
}
"""What may be written after a number of each unit; nothing after a count."""
KEYWORDS: Final = {
    "invar": "`invar 1`: the version of the language, on the first line",
    "policy": '`policy NAME "VERSION"`: the name and version of this policy, on the second line',
    "task": "`task = causal_lm`: what the models are for; data and measures follow from it",
    "about": '`about = "…"`: what this policy is for, in a sentence',
    "require": "`require SUBJECT RELATION`: a gate; what must hold",
    "warn": "`warn SUBJECT RELATION`: a gate that is reported and decides nothing",
    "tier": "`tier NAME [refines NAME] { … }`: a set of gates that can be chosen",
    "profile": "`profile NAME { … }`: gates that tighten any tier",
    "test": '`test "…" { tier = …; given …; expect … }`: a test of the policy itself',
    "windows": "`windows { … }`: settings of the windows",
    "model": "`model { … }`: settings of how both models run",
    "spectral": "`spectral { … }`: when a shift of a matrix's spectrum is beyond chance",
    "estimate": "`estimate { … }`: settings of the interval estimates",
    "signer": "`signer NAME { … }`: who may sign, a key or a workflow identity",
    "include": '`include "FILE" sha256:… as NAME`: another file\'s tiers, for `refines` only',
    "as": "`include … as NAME`: the name under which its tiers are refined",
    "refines": "`refines TIER`: inherits all of that tier; what stands here must be as strict",
    "given": "`given SUBJECT = VALUE [in [LOW, HIGH]]`: a value that the test supposes",
    "expect": "`expect VERDICT [because SUBJECT]`: the verdict that the test expects",
    "because": "`because SUBJECT`: the gate that causes the verdict",
    "on": '`on "SLICE"`, `on FAMILY`, `on each family`: the part that is measured',
    "each": "`on each family`: each family of weights on its own",
    "in": "`in [LOW, HIGH]` or `in {a, b}`: a round bracket excludes its end",
}


def measure_named(name: str) -> Measure | None:
    """The measure that ``name`` means, with or without ``.point``."""
    found = MEASURES.get(name)
    if found is None and name.endswith(POINT):
        found = MEASURES.get(name.removesuffix(POINT))
        return found if found is not None and found.interval else None
    return found


def unit_text(measure: Measure) -> str:
    """The unit, or what the measure is instead of a number."""
    match measure.kind:
        case Kind.NUMBER:
            return "count" if measure.unit is None else measure.unit.value
        case Kind.WORD:
            return "one of " + ", ".join(f"`{word}`" for word in measure.words)
        case Kind.DIGEST:
            return "a `sha256:` digest"
        case Kind.SIGNER:
            return "names of signers"


def range_text(limits: Measure | Setting) -> str:
    """The natural range as a relation."""
    return describe(range_interval(limits.range))


def measure_page(measure: Measure, *, point: bool = False) -> str:
    """Summary, unit, range, direction, statistics and targets of a measure."""
    name = measure.name + (POINT if point else "")
    facts = [f"- unit: {unit_text(measure)}"]
    if measure.kind is Kind.NUMBER:
        facts.append(f"- natural range: `{range_text(measure)}`")
        facts.append(f"- direction: {_DIRECTIONS[measure.harmful]}")
        facts.append(f"- decided by: {_decided(measure, point=point)}")
    if measure.slices:
        facts.append('- `on "SLICE"`: a named slice of the data')
    if measure.families:
        facts.append(f"- `on` {', '.join(f'`{f}`' for f in FAMILIES)}, or `on each family`")
    facts.append(f"- evidence: {measure.evidence}")
    return "\n".join([f"**{name}**: {measure.summary}", "", *facts])


def _decided(measure: Measure, *, point: bool) -> str:
    if point:
        return "the point estimate; the interval is ignored"
    if measure.interval:
        return f"the interval estimate; `{measure.name}{POINT}` ignores it"
    return "its value; there is no interval estimate"


def setting_page(setting: Setting) -> str:
    """Summary, values and default of a setting."""
    if setting.words:
        values = "- one of " + ", ".join(f"`{word}`" for word in setting.words)
    else:
        unit = "count" if setting.unit is None else setting.unit.value
        values = f"- unit: {unit}, range `{range_text(setting)}`"
    lines = [f"**{setting.name}**: {setting.summary}", "", values]
    return "\n".join([*lines, f"- default: `{setting.default}`"])


def setting_named(name: str, block: str) -> Setting | None:
    """The setting written ``name`` inside the block ``block``, if any."""
    return SETTINGS.get(name) or SETTINGS.get(f"{block}.{name}")
