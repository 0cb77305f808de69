"""How the bar that a run was made for stands to a reference that the consumer names.

It is reported, and decides nothing unless ``--require reference`` asks that the run's bar be at
least as strict. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from invarlock.errors import UsageFault
from invarlock.policy.compare import Difference, Strictness, compare_bars
from invarlock.policy.ir import BarIR
from invarlock.verify.bar import ConsumerBar
from invarlock.verify.result import DriftedKey, Finding, Level, PolicyDigest, refused

AT_LEAST_AS_STRICT = frozenset({Strictness.EQUAL, Strictness.STRICTER})


def drift(reference: ConsumerBar, digest: str, run: BarIR | None) -> PolicyDigest:
    """The bar with the semantic ``digest``, itself if it is at hand, against ``reference``."""
    changed = digest != reference.ir.digest
    relation: Strictness | None = None if changed else Strictness.EQUAL
    differences: tuple[Difference, ...] = ()
    if changed and run is not None:
        relation, differences = _compared(reference.ir, run)
    return PolicyDigest(
        run=digest,
        reference=reference.ir.digest,
        name=reference.used.name or "",
        changed=changed,
        relation=relation,
        differences=tuple(_told(one) for one in differences),
    )


def check_reference(found: PolicyDigest | None) -> Iterator[Finding]:
    """That the run's bar is at least as strict as the reference, where that is required."""
    if found is None or (found.relation is None and found.changed):
        yield Finding(
            level=Level.BOUND,
            kind="lacking",
            code="E409",
            what="the run's bar, which --require reference asks for, is not at hand",
            hint="pass the run's folder with --run",
        )
    elif found.relation not in AT_LEAST_AS_STRICT:
        yield refused(
            *(Level.BOUND, "E412", f"the run's bar is not as strict as `{found.name}`"),
            found=f"{found.relation} {found.run}",
            expected=f"equal or stricter than {found.reference}",
        )


def _compared(reference: BarIR, run: BarIR) -> tuple[Strictness, tuple[Difference, ...]]:
    try:
        found = compare_bars(reference, run)
    except UsageFault:
        # A bar that nothing can pass would be the strictest of all: nothing is claimed of it.
        return Strictness.INCOMPARABLE, ()
    return found.relation, (*found.differences, *found.idle)


def _told(one: Difference) -> DriftedKey:
    return DriftedKey(
        key=one.key,
        kind=one.kind,
        relation=one.relation,
        reference=one.old,
        run=one.new,
        note=one.note,
    )
