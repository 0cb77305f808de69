"""Two bars: which accepts what the other does not. Pure, and linear in the number of gates.

What a bar accepts is a product over slots, so that inclusion is decided slot by slot. Two things
tie slots together, and both are followed: a gate on each family speaks of every family, and an
estimate that is there has a point. Source: DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from invarlock.errors import Inconclusive
from invarlock.policy.catalogue import FAMILIES, MEASURES
from invarlock.policy.compare import signers
from invarlock.policy.compare.region import NOTHING, Element, Region, outside, present, some
from invarlock.policy.compare.result import (
    BarComparison,
    Difference,
    Sample,
    Side,
    Strictness,
    Witness,
    combined,
)
from invarlock.policy.compare.samples import effective, sample_at, sample_of, with_element
from invarlock.policy.compare.slots import Known, Slot, Slots, each_of, slots_of
from invarlock.policy.intervals import describe_relation
from invarlock.policy.ir import BarIR, Signers

TOO_LARGE: Final = "too large to compare exactly (E136), so nothing is claimed"
_SETTINGS: Final = "what is measured differs, so the values of one say nothing of the other"


@dataclass(slots=True)
class _Found:
    """What was found on one gate, by the side that accepts it."""

    witnesses: dict[Side, list[Witness]] = field(default_factory=dict)
    note: str = ""


def compare_bars(
    old: BarIR, new: BarIR, *, name: str = "", known: Known | None = None
) -> BarComparison:
    """What ``new`` is, held against ``old``; messages call both by ``name``, if it is given.
    ``known`` keeps what further comparisons can use.

    Raises :class:`UsageFault`: E120 for a bar that nothing can pass, E105 for a key that stands
    twice, E134 for a gate or setting that is not of this version.
    """
    known = {} if known is None else known
    called = f" `{name}`" if name else ""
    both: dict[Side, Slots] = {
        "old": slots_of(old, f"the old bar{called}", known),
        "new": slots_of(new, f"the new bar{called}", known),
    }
    found: dict[Slot, _Found] = {}
    for slot in _candidates(both["old"], both["new"]):
        _compare_slot(slot, both, found)
    differences = [*_contract(old, new)]
    idle: list[Difference] = []
    for slot in _changed(both["old"], both["new"]):
        difference = _difference(slot, both, found.get(slot, _Found()))
        same = difference.relation is Strictness.EQUAL
        (idle if same else differences).append(difference)
    relation = combined(difference.relation for difference in differences)
    return BarComparison(relation, tuple(differences), tuple(idle))


def _contract(old: BarIR, new: BarIR) -> Iterator[Difference]:
    """Task and settings: what is measured, and how."""
    unlike = Strictness.INCOMPARABLE
    if old.task != new.task:
        yield Difference("task", "task", unlike, old.task, new.task, note=_SETTINGS)
    for name in sorted({*old.settings, *new.settings}):
        before, after = old.settings.get(name), new.settings.get(name)
        if before != after:
            yield Difference(name, "setting", unlike, before, after, note=_SETTINGS)


def _changed(old: Slots, new: Slots) -> list[Slot]:
    """Slots whose gates are not written alike, in the order of their ids."""
    slots = [*old.gates, *(slot for slot in new.gates if slot not in old.gates)]
    unlike = [slot for slot in slots if old.gates.get(slot) != new.gates.get(slot)]
    return sorted(unlike, key=lambda slot: (old.gates.get(slot) or new.gates[slot]).id)


def _candidates(old: Slots, new: Slots) -> dict[Slot, None]:
    """Slots in which the bars may accept different values; each family for `on each family`."""
    found = dict.fromkeys(
        slot
        for slot in (*old.regions, *new.regions)
        if slot.kind != "each" and old.regions.get(slot) != new.regions.get(slot)
    )
    for slots in (old, new):
        for each in each_of(slots.regions):
            if old.regions.get(each) != new.regions.get(each) or _owned(each, found):
                families = (each._replace(kind="family", name=name) for name in FAMILIES)
                found |= dict.fromkeys(families)
    return found


def _owned(each: Slot, found: dict[Slot, None]) -> bool:
    return any(each._replace(kind="family", name=name) in found for name in FAMILIES)


def _compare_slot(slot: Slot, both: dict[Side, Slots], found: dict[Slot, _Found]) -> None:
    """Look for values of ``slot`` that one side accepts alone; blame the gate that differs."""
    old, new = both["old"], both["new"]
    own = old.regions.get(slot) != new.regions.get(slot)
    blamed = found.setdefault(slot if own or slot.kind != "family" else slot.each, _Found())
    sides: tuple[tuple[Side, Side], ...] = (("old", "new"), ("new", "old"))
    for accepting, refusing in sides:
        try:
            samples = list(_outside(slot, both[accepting], both[refusing]))
        except Inconclusive:
            blamed.note = TOO_LARGE
            return
        synthetic = _synthetic(slot, both[accepting])
        for sample in samples:
            witness = Witness(accepting, sample, synthetic)
            blamed.witnesses.setdefault(accepting, []).append(witness)


def _outside(slot: Slot, accepting: Slots, refusing: Slots) -> Iterator[Sample]:
    """Values of ``slot`` that pass every gate of ``accepting``, and not of ``refusing``: one, or
    a signer of each kind."""
    inner, outer = _region(slot, accepting), _region(slot, refusing)
    if isinstance(inner, Signers) and isinstance(outer, Signers):
        for identity in signers.outside(outer, inner):
            if identity is not None:
                yield replace(sample_of(slot), identity=identity)
        return
    element = outside(inner, outer, MEASURES[slot.measure])
    if element is not None:
        yield _sample(slot, accepting, element)
    elif _may_be_absent(slot, accepting) and not _may_be_absent(slot, refusing):
        yield sample_of(slot, "absent")


def _sample(slot: Slot, accepting: Slots, element: Element) -> Sample:
    """``element`` as a value that also passes what ``accepting`` asks of the other statistic."""
    other = effective(accepting, slot.sibling)
    if element is NOTHING:
        # A gate on the point wants the value to be there: there is no interval.
        if other is None:
            return sample_of(slot, "missing")
        return _no_interval(sample_at(accepting, slot))
    sample = sample_of(slot)
    if other is not None:
        sample = with_element(sample, slot.sibling.statistic, some(other))
    return with_element(sample, slot.statistic, element)


def _no_interval(sample: Sample) -> Sample:
    return Sample(sample.measure, sample.kind, sample.name, "no_interval", sample.point)


def _region(slot: Slot, slots: Slots) -> Region:
    """What is accepted in ``slot``. An estimate that is asked for has a point, whichever."""
    region = effective(slots, slot)
    if region is None and slot.statistic == "point" and effective(slots, slot.sibling) is not None:
        return present(MEASURES[slot.measure])
    return region


def _may_be_absent(slot: Slot, slots: Slots) -> bool:
    """Whether there need be no such value at all: what is there of each family is judged."""
    return slot not in slots.regions and slot.sibling not in slots.regions


def _synthetic(slot: Slot, accepting: Slots) -> bool:
    """Whether ``accepting`` bounds other values that are made from the same evidence."""
    bounded = accepting.sources[MEASURES[slot.measure].evidence]
    itself = slot in accepting.regions or slot.sibling in accepting.regions
    return bounded > int(itself)


def _difference(slot: Slot, both: dict[Side, Slots], found: _Found) -> Difference:
    old, new = both["old"].gates.get(slot), both["new"].gates.get(slot)
    gate = old or new
    if gate is None:
        raise KeyError(slot)
    relation = Strictness.of(old_only="old" in found.witnesses, new_only="new" in found.witnesses)
    note = found.note
    if note:
        relation = Strictness.INCOMPARABLE
    elif relation is Strictness.MIXED and _unlike_signers(found):
        relation = Strictness.INCOMPARABLE
        note = "a key and a keyless identity are not compared"
    elif relation is Strictness.EQUAL:
        note = _idle(slot, both)
    return Difference(
        key=gate.id,
        kind="gate",
        relation=relation,
        old=None if old is None else f"{old.level} {describe_relation(old)}",
        new=None if new is None else f"{new.level} {describe_relation(new)}",
        witnesses=tuple(samples[0] for samples in found.witnesses.values()),
        note=note,
    )


def _unlike_signers(found: _Found) -> bool:
    """Whether one side adds nothing but keys, and the other nothing but keyless identities."""
    kinds = [
        {witness.sample.identity.kind for witness in witnesses if witness.sample.identity}
        for witnesses in found.witnesses.values()
    ]
    return all(kinds) and not set.intersection(*kinds)


def _idle(slot: Slot, both: dict[Side, Slots]) -> str:
    """Why a gate that is written differently accepts the same."""
    gates = [slots.gates.get(slot) for slots in both.values()]
    if not any(gate is not None and gate.level == "require" for gate in gates):
        return "a warning decides nothing"
    return "the same values pass"
