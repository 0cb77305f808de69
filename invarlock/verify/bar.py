"""The consumer's bar: from the consumer's own policy file, or the run's IR pinned by digest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from invarlock.evidence.model import Evidence
from invarlock.judge import Key, Value, contract_of, decide, estimate, schedule_of
from invarlock.policy.diagnostics import printable
from invarlock.policy.ir import BarIR
from invarlock.verify.result import BarUsed

if TYPE_CHECKING:
    from invarlock.policy import Compiled


@dataclass(frozen=True, slots=True)
class ConsumerBar:
    """A bar that the consumer answers for, and where it came from: ``compiled`` from the
    consumer's own file, or pinned (``None``)."""

    ir: BarIR
    used: BarUsed
    compiled: Compiled | None = None

    def pins(self, measure: str) -> bool:
        """Whether the bar requires a value of ``measure``, such as ``data.digest``."""
        return any(gate.measure == measure and gate.level == "require" for gate in self.ir.gates)


@dataclass(frozen=True, slots=True)
class Passing:
    """Whether evidence passes ``bar``; ``known`` are values that no evidence gives."""

    bar: BarIR
    known: Mapping[Key, Value]

    def __call__(self, evidence: Evidence, only: Collection[str] = ()) -> bool:
        """Of all gates, or of those on the measures ``only``; none required is a pass then."""
        gates = tuple(gate for gate in self.bar.gates if gate.measure in only)
        if only and not any(gate.level == "require" for gate in gates):
            return True
        bar = replace(self.bar, gates=gates) if only else self.bar
        values = estimate(evidence, contract_of(self.bar)).also(self.known)
        return decide(bar, values).verdict == "pass"


def bar_of_policy(reference: str) -> ConsumerBar:
    """The bar that ``F#TIER`` or ``F#TIER+PROFILE`` names, compiled from the file ``F``.

    Raises :class:`UsageFault`, exit 2, for a policy or name that does not stand, and E004 for a
    bar that asks for no windows: `evaluate` refuses it, so no evidence can clear it either.
    """
    from invarlock.policy import load_policy, parse_reference

    ref = parse_reference(reference)
    compiled = load_policy(ref.path)
    name, ir = compiled.bar(ref.tier, ref.profile)
    schedule_of(ir, ir.digest)
    used = BarUsed(source="policy", name=printable(f"{ref.path}#{name}"), digest=ir.digest)
    return ConsumerBar(ir, used, compiled)


def pinned_bar(digest: str, name: str, ir: BarIR) -> ConsumerBar | None:
    """The run's own bar, when the consumer pinned its digest; else ``None``."""
    if ir.digest != digest:
        return None
    return ConsumerBar(ir, BarUsed(source="digest", name=name, digest=digest))
