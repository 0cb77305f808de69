"""A bar by its slots: what each required gate reads, and what it accepts there.

A slot is one statistic of one measure, of the whole or of one target. Gates that decide nothing
(`warn`) have no slot. Pure; linear in the number of gates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from invarlock.errors import UsageFault
from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, TASKS
from invarlock.policy.compare.form import relation_fits, setting_fits, target_fits, too_long
from invarlock.policy.compare.region import MAX_DIGITS, common, region_of
from invarlock.policy.contradict import conflicts
from invarlock.policy.diagnostics import printable, shown
from invarlock.policy.intervals import describe_relation
from invarlock.policy.ir import BarIR, Gate, Interval, Relation

_OTHER: Final[dict[str, Literal["estimate", "point"]]] = {"estimate": "point", "point": "estimate"}


class Slot(NamedTuple):
    """What one gate reads. ``kind`` is that of the target, ``all`` without one."""

    measure: str
    statistic: Literal["estimate", "point"]
    kind: Literal["all", "slice", "family", "each"]
    name: str

    @property
    def sibling(self) -> Slot:
        """The other statistic of the same value."""
        return Slot(self.measure, _OTHER[self.statistic], self.kind, self.name)

    @property
    def place(self) -> Slot:
        """The same for both statistics of one value."""
        return self._replace(statistic="estimate")

    @property
    def each(self) -> Slot:
        """The slot ``on each family`` of the same statistic."""
        return self._replace(kind="each", name="family")


@dataclass(frozen=True, slots=True)
class Slots:
    """A bar that something can pass: its required gates, and all gates, by slot."""

    bar: BarIR
    regions: Mapping[Slot, Relation]
    gates: Mapping[Slot, Gate]
    sources: Mapping[str, int]
    """How many values are bounded, for each part of the evidence."""


def slot_of(gate: Gate) -> Slot:
    """The slot that ``gate`` reads."""
    target = gate.target
    if target is None:
        return Slot(gate.measure, gate.statistic, "all", "")
    return Slot(gate.measure, gate.statistic, target.kind, target.name)


Known = dict[tuple[str, Relation], Relation | None]
"""Regions by measure and relation: bars that are compared have most of them in common."""


def slots_of(bar: BarIR, name: str, known: Known | None = None) -> Slots:
    """The slots of ``bar``, which messages call ``name``; ``known`` keeps regions for later bars.

    Raises :class:`UsageFault`: E134 for a gate that this version's catalogue does not allow, E105
    for a key that stands twice, E120 for a bar that nothing can pass.
    """
    regions: dict[Slot, Relation] = {}
    gates: dict[Slot, Gate] = {}
    known = {} if known is None else known
    for gate in bar.gates:
        slot = slot_of(gate)
        if slot in gates:
            raise UsageFault("E105", f"{name} holds `{shown(gate.id)}` twice", "keep one of them")
        _check(gate, name)
        gates[slot] = gate
        if gate.level == "require":
            region = _region(gate, known)
            if region is None:
                raise _nothing_passes(
                    name, f"`{shown(gate.id)} {describe_relation(gate)}` is empty"
                )
            regions[slot] = region
    if not regions:
        raise _nothing_passes(name, "it requires nothing")
    _check_settings(bar, name)
    _check_families(regions, name)
    _check_together(bar, name)
    places = {(slot.measure, slot.kind, slot.name) for slot in regions}
    sources = Counter(MEASURES[measure].evidence for measure, _, _ in places)
    return Slots(bar, regions, gates, sources)


def _region(gate: Gate, known: Known) -> Relation | None:
    key = (gate.measure, gate.relation)
    if key not in known:
        known[key] = region_of(gate.relation, MEASURES[gate.measure])
    return known[key]


def _nothing_passes(name: str, why: str) -> UsageFault:
    hint = "mend it first: what refuses everything is not the stricter bar"
    return UsageFault("E120", f"nothing can pass {name}: {why}", hint)


def _check(gate: Gate, name: str) -> None:
    """Refuse what the compiler would have refused: an IR may come from anywhere."""
    measure = MEASURES.get(gate.measure)
    if measure is None:
        raise _foreign(name, f"the unknown measure `{shown(gate.measure)}`")
    if not relation_fits(gate, measure):
        raise _foreign(name, f"`{shown(gate.id)}` with a relation of another kind")
    if gate.statistic == "point" and not measure.interval:
        raise _foreign(name, f"`{shown(gate.id)}`, which has no interval to ignore")
    if not target_fits(gate, measure):
        raise _foreign(name, f"`{shown(gate.id)}`, which is no target of that measure")
    if isinstance(gate.relation, Interval) and too_long(gate.relation):
        raise _foreign(name, f"a number of more than {MAX_DIGITS} digits")


def _foreign(name: str, what: str) -> UsageFault:
    hint = "compile it with this version of invarlock"
    return UsageFault("E134", f"cannot compare: {name} holds {what}", hint)


def _check_settings(bar: BarIR, name: str) -> None:
    if bar.task not in TASKS:
        raise _foreign(name, f"the unknown task `{shown(bar.task)}`")
    if odd := sorted(bar.settings.keys() ^ SETTINGS.keys()):
        raise _foreign(name, f"a missing or unknown setting, `{shown(odd[0])}`")
    for key, value in bar.settings.items():
        if not setting_fits(key, value):
            raise _foreign(name, f"`{key} = {shown(value)}`, which no policy can set")


def each_of(regions: Mapping[Slot, Relation]) -> Iterator[Slot]:
    """The slots ``on each family``."""
    return (slot for slot in regions if slot.kind == "each")


def _check_families(regions: Mapping[Slot, Relation], name: str) -> None:
    """A family named by itself must leave something of what each family may be."""
    for each in each_of(regions):
        measure = MEASURES[each.measure]
        for family in FAMILIES:
            own = regions.get(each._replace(kind="family", name=family))
            if own is not None and common(own, regions[each], measure) is None:
                why = f"`{each.measure}` on {family} and on each family have nothing in common"
                raise _nothing_passes(name, why)


def _check_together(bar: BarIR, name: str) -> None:
    """Gates on different values may exclude each other, too."""
    found = next(conflicts({gate.id: gate for gate in bar.gates}, bar.settings, bar.task), None)
    if found is not None:
        raise _nothing_passes(name, printable(found.message.replace(" on {place}", "")))
