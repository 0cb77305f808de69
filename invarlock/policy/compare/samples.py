"""Values for a bar: one that passes it, and that one changed in a single place.

Pure; nothing here judges. That `decide` agrees is what the tests show.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from invarlock.canonical import decimal_text
from invarlock.policy.catalogue import FAMILIES, MEASURES
from invarlock.policy.compare.region import Element, common, some
from invarlock.policy.compare.result import Sample, Witness
from invarlock.policy.compare.slots import Slot, Slots, each_of, slots_of
from invarlock.policy.ir import BarIR, Relation

Statistic = Literal["estimate", "point"]
_STATISTICS: Final[tuple[Statistic, ...]] = ("estimate", "point")


def passing(bar: BarIR) -> tuple[Sample, ...]:
    """Values that ``bar`` lets pass: one for each thing that it requires.

    Raises as :func:`slots_of`.
    """
    slots = slots_of(bar, "the bar")
    places = dict.fromkeys(slot.place for slot in slots.regions if slot.kind != "each")
    for each in each_of(slots.regions):
        families = (each.place._replace(kind="family", name=family) for family in FAMILIES)
        places |= dict.fromkeys(families)
    return tuple(sample_at(slots, place) for place in places)


def counterexample(bar: BarIR, witness: Witness) -> tuple[Sample, ...]:
    """Values that ``bar``, the one that accepts ``witness``, lets pass with the witness among them.

    The other bar does not let them pass. Raises as :func:`slots_of`.
    """
    sample = witness.sample
    place = (sample.measure, sample.kind, sample.name)
    kept = [other for other in passing(bar) if (other.measure, other.kind, other.name) != place]
    return (*kept, sample)


def effective(slots: Slots, slot: Slot) -> Relation | None:
    """What ``slots`` accepts in ``slot``, what it asks of each family included."""
    own = slots.regions.get(slot)
    if slot.kind != "family":
        return own
    return common(own, slots.regions.get(slot.each), MEASURES[slot.measure])


def sample_at(slots: Slots, slot: Slot) -> Sample:
    """A value for ``slot`` and its sibling that passes both where they are required."""
    sample = sample_of(slot, "absent")
    for statistic in _STATISTICS:
        region = effective(slots, slot._replace(statistic=statistic))
        if region is not None:
            sample = with_element(sample, statistic, some(region))
    return sample


def sample_of(slot: Slot, status: Literal["ok", "missing", "absent"] = "ok") -> Sample:
    """A sample for what ``slot`` is about, with nothing in it yet."""
    kind = "family" if slot.kind == "each" else slot.kind
    return Sample(slot.measure, kind, slot.name, status=status)


def with_element(sample: Sample, statistic: Statistic, element: Element) -> Sample:
    """``sample`` with ``element`` as the statistic that a gate reads; what is not there yet
    becomes the same number."""
    if element.number is None:
        return replace(sample, status="ok", words=element.words, identity=element.identity)
    text = decimal_text(element.number)
    if not MEASURES[sample.measure].interval:
        return replace(sample, status="ok", point=text)
    if statistic == "point":
        return replace(sample, status="ok", point=text, low=sample.low or text,
                       high=sample.high or text)  # fmt: skip
    return replace(sample, status="ok", point=sample.point or text, low=text, high=text)
