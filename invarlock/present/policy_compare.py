"""A comparison of policies for people and machines: text, JSON and SARIF.

Pure. What several bars have in common is told once, with the names of the bars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

from invarlock.policy.catalogue import MEASURES, Unit
from invarlock.policy.compare import Difference, PolicyComparison, Sample, Strictness, Witness
from invarlock.policy.diagnostics import printable, span_json
from invarlock.policy.signers import describe_rule
from invarlock.policy.span import Span
from invarlock.present.sarif import SarifPlace, SarifResult, SarifRule, sarif_log

SCHEMA: Final = "invarlock.policy.compare/1"

SENTENCES: Final = {
    Strictness.EQUAL: "the new accepts exactly what the old accepts",
    Strictness.STRICTER: "the new refuses something that the old accepts, and accepts nothing more",
    Strictness.WEAKER: "the new accepts something that the old refuses",
    Strictness.MIXED: "the new accepts something that the old refuses, and the other way round",
    Strictness.INCOMPARABLE: "neither can be held against the other",
}
_HELP: Final = {
    Strictness.STRICTER: "A subject that passed may fail now. Say so to whoever releases.",
    Strictness.WEAKER: "Something passes now that did not. Have it reviewed by whoever owns the "
    "bar, or restore the old statement.",
    Strictness.MIXED: "Something passes now that did not, and the other way round. Have it "
    "reviewed by whoever owns the bar.",
    Strictness.INCOMPARABLE: "What passed under one bar says nothing about the other. Evaluate "
    "again under the new bar, or restore the old statement.",
}
_LEVELS: Final[dict[Strictness, Literal["error", "warning", "note"]]] = {
    Strictness.STRICTER: "note",
    Strictness.WEAKER: "error",
    Strictness.MIXED: "error",
    Strictness.INCOMPARABLE: "error",
}
_ORDER: Final = tuple(reversed(Strictness))
"""The gravest first."""
_GONE: Final = "bar-removed"
SYNTHETIC: Final = (
    "synthetic: the bar that accepts it bounds other values of the same evidence too, so that no "
    "model need ever show just this"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands. ``label`` is the file as the user named it, its revision with it;
    ``file`` the file alone."""

    label: str
    file: str
    span: Span

    def __str__(self) -> str:
        return f"{self.label}:{self.span}"


Places = Mapping[str, Place]
"""The places of a bar's gates and settings, by key."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One side: what the user named, what it is, and the digest of the policy or bar."""

    name: str
    kind: Literal["policy", "git", "ir", "attestation"]
    digest: str
    bar: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison and where both sides come from; places by bar, as ``found`` names them."""

    old: Origin
    new: Origin
    found: PolicyComparison
    old_places: Mapping[str, Places] = field(default_factory=dict)
    new_places: Mapping[str, Places] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """One difference, its places, and the bars that have it in common."""

    difference: Difference
    old: Place | None
    new: Place | None
    bars: tuple[str, ...]


def told(compared: Compared, *, idle: bool = False) -> list[Told]:
    """The differences, each once, the gravest first; with ``idle`` those that change nothing."""
    bars: dict[tuple[Difference, Place | None, Place | None], list[str]] = {}
    for name, found in compared.found.bars:
        for difference in found.idle if idle else found.differences:
            old = compared.old_places.get(name, {}).get(difference.key)
            new = compared.new_places.get(name, {}).get(difference.key)
            bars.setdefault((difference, old, new), []).append(name)
    listed = [Told(*what, tuple(names)) for what, names in bars.items()]
    return sorted(listed, key=lambda one: (_ORDER.index(one.difference.relation), one.bars))


def shown_name(origin: Origin) -> str:
    """What a side is called, its bar included."""
    return origin.name if origin.bar is None else f"{origin.name}#{origin.bar}"


def text_lines(compared: Compared) -> Iterator[str]:
    """The answer in a sentence, then every difference with both places and its witnesses."""
    found = compared.found
    yield f"{found.relation}: {SENTENCES[found.relation]}"
    for word, origin in (("old", compared.old), ("new", compared.new)):
        note = " (its signature was not checked)" if origin.kind == "attestation" else ""
        yield f"{word}  {printable(shown_name(origin))}{note}  {origin.digest}"
    if found.languages is not None:
        yield f"the language version was {found.languages[0]} and is {found.languages[1]}"
    for name in found.removed:
        yield f"removed bar {name}: who pins it is left without"
    for name in found.added:
        yield f"added bar {name}"
    many = len(found.bars) > 1
    for one in told(compared):
        yield ""
        yield from map(printable, _told_lines(one, many=many))
    if any(witness.synthetic for witness in _witnesses(compared)):
        yield ""
        yield SYNTHETIC
    rest = told(compared, idle=True)
    if rest:
        yield ""
        yield "written differently, and no other values pass:"
        yield from (printable(f"    {one.difference.key}: {_change(one)}") for one in rest)


def _witnesses(compared: Compared) -> Iterator[Witness]:
    for one in told(compared):
        yield from one.difference.witnesses


def _told_lines(one: Told, *, many: bool) -> Iterator[str]:
    difference = one.difference
    bars = f"  in {', '.join(one.bars)}" if many else ""
    yield f"{difference.relation}  {difference.key}{bars}"
    sides = (("old", difference.old, one.old), ("new", difference.new, one.new))
    width = max(len(text or "nothing") for _, text, _ in sides)
    for word, text, place in sides:
        where = f"  {place}" if place is not None else ""
        yield f"    {word}  {text or 'nothing':<{width}}{where}".rstrip()
    if difference.note:
        yield f"    {difference.note}"
    for witness in difference.witnesses:
        yield f"    {witness_text(witness)}"


def _change(one: Told) -> str:
    difference = one.difference
    return f"{difference.old or 'nothing'} → {difference.new or 'nothing'} ({difference.note})"


def witness_text(witness: Witness) -> str:
    """The witness in words."""
    other = "old" if witness.accepted_by == "new" else "new"
    note = " (synthetic)" if witness.synthetic else ""
    value = sample_text(witness.sample)
    return f"{value} passes under the {witness.accepted_by} bar, not under the {other} one{note}"


def sample_text(sample: Sample) -> str:
    """A value in words: ``kl.mean of 0.2 nats, interval [0.2, 0.2],``."""
    about = {"all": "", "slice": f' on "{sample.name}"', "family": f" on {sample.name}"}
    name = sample.measure + about[sample.kind]
    if sample.status == "absent":
        return f"no {name} at all"
    if sample.status == "missing":
        return f"{name} that is missing"
    if sample.identity is not None:
        return f"{name} of {describe_rule(sample.identity)}"
    if sample.words is not None:
        return f"{name} of `{sample.words}`"
    interval = f", interval [{sample.low}, {sample.high}]," if sample.low is not None else ""
    few = " without an interval" if sample.status == "no_interval" else ""
    unit = MEASURES[sample.measure].unit
    shown = "" if unit in {None, Unit.RATIO} else f" {unit}"
    return f"{name} of {sample.point}{shown}{interval}{few}"


def compare_document(compared: Compared) -> dict[str, object]:
    """Schema ``invarlock.policy.compare/1``: every bar with all its differences."""
    found = compared.found
    return {
        "schema": SCHEMA,
        "relation": found.relation,
        "summary": SENTENCES[found.relation],
        "old": asdict(compared.old),
        "new": asdict(compared.new),
        "languages": None if found.languages is None else list(found.languages),
        "removed": list(found.removed),
        "added": list(found.added),
        "bars": [
            {
                "bar": name,
                "relation": bar.relation,
                "differences": [_json(compared, name, one) for one in bar.differences],
                "idle": [_json(compared, name, one) for one in bar.idle],
            }
            for name, bar in found.bars
        ],
    }


def _json(compared: Compared, bar: str, difference: Difference) -> dict[str, object]:
    return {
        "key": difference.key,
        "kind": difference.kind,
        "relation": difference.relation,
        "old": difference.old,
        "new": difference.new,
        "old_place": _place_json(compared.old_places.get(bar, {}).get(difference.key)),
        "new_place": _place_json(compared.new_places.get(bar, {}).get(difference.key)),
        "note": difference.note,
        "witnesses": [
            {
                "accepted_by": witness.accepted_by,
                "synthetic": witness.synthetic,
                "text": witness_text(witness),
                "value": _sample_json(witness.sample),
            }
            for witness in difference.witnesses
        ],
    }


def _sample_json(sample: Sample) -> dict[str, object]:
    fields: dict[str, object] = {name: getattr(sample, name) for name in sample.__slots__}
    return fields | {"identity": sample.identity and sample.identity.document()}


def _place_json(place: Place | None) -> dict[str, object] | None:
    return None if place is None else {"file": place.label, "span": span_json(place.span)}


def compare_sarif(compared: Compared) -> dict[str, object]:
    """Each difference as a result at its new place; the old place is related."""
    rules = [SarifRule(f"bar-{word}", f"the bar is {word}", text, _LEVELS[word])
             for word, text in _HELP.items()]  # fmt: skip
    gone = "Whoever pins the bar is left without. Keep it, or tell them which bar to pin."
    rules.append(SarifRule(_GONE, "a bar is gone", gone))
    results = [_sarif_result(one) for one in told(compared)]
    results += [
        SarifResult(_GONE, "error", f"the bar `{name}` is gone", identity=(name,))
        for name in compared.found.removed
    ]
    return sarif_log(rules, results)


def _sarif_result(one: Told) -> SarifResult:
    difference = one.difference
    facts = [f"{difference.key}: {difference.old or 'nothing'} → {difference.new or 'nothing'}"]
    facts += [difference.note] if difference.note else []
    facts += map(witness_text, difference.witnesses)
    places = [
        SarifPlace(place.file.removeprefix("./"), place.span, note)
        for place, note in ((one.new, "the new statement"), (one.old, "the old statement"))
        if place is not None
    ]
    return SarifResult(
        rule=f"bar-{difference.relation}",
        level=_LEVELS[difference.relation],
        message="; ".join([*facts, f"in {', '.join(one.bars)}"]),
        place=places[0] if places else None,
        other=tuple(places[1:]),
        identity=(*one.bars, difference.key, str(difference.old), str(difference.new)),
    )
