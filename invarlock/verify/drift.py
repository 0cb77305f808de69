"""How the bar that a run was made for stands to a reference that the consumer names.

It is reported, and decides nothing unless ``--require reference`` asks that the run's bar be at
least as strict. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.errors import UsageFault
from invarlock.policy.compare import Difference, compare_bars
from invarlock.policy.ir import BarIR
from invarlock.verify.bar import ConsumerBar
from invarlock.verify.result import DriftedKey, Finding, Level, PolicyDigest, Relation, refused

AT_LEAST_AS_STRICT: Final[frozenset[Relation]] = frozenset({"equal", "stricter"})


def drift(reference: ConsumerBar, run: BarIR) -> PolicyDigest:
    """The bar of the run against ``reference``."""
    relation, differences = compared(reference.ir, run)
    return PolicyDigest(
        run=run.digest,
        reference=reference.ir.digest,
        name=reference.used.name or "",
        changed=run.digest != reference.ir.digest,
        relation=relation,
        differences=differences,
    )


def check_reference(found: PolicyDigest) -> Iterator[Finding]:
    """That the run's bar is at least as strict as the reference, where that is required."""
    if found.relation not in AT_LEAST_AS_STRICT:
        yield refused(
            *(Level.SIGNED, "E412", f"the run's bar is not as strict as `{found.name}`"),
            found=f"{found.relation} {found.run}",
            expected=f"equal or stricter than {found.reference}",
        )


def compared(reference: BarIR, run: BarIR) -> tuple[Relation, tuple[DriftedKey, ...]]:
    """What ``run`` is beside ``reference``, and every key on which they differ."""
    try:
        found = compare_bars(reference, run)
    except UsageFault:
        # A bar that nothing can pass would be the strictest of all: nothing is claimed of it.
        return "incomparable", ()
    return found.relation.value, tuple(_told(one) for one in (*found.differences, *found.idle))


def _told(one: Difference) -> DriftedKey:
    return DriftedKey(
        key=one.key,
        kind=one.kind,
        relation=one.relation.value,
        reference=one.old,
        run=one.new,
        note=one.note,
    )
