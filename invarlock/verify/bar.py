"""The consumer's bar: from the consumer's own policy file, or the run's IR pinned by digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invarlock.judge import schedule_of
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
    used = BarUsed(source="policy", name=f"{ref.path}#{name}", digest=ir.digest)
    return ConsumerBar(ir, used, compiled)


def pinned_bar(digest: str, name: str, ir: BarIR) -> ConsumerBar | None:
    """The run's own bar, when the consumer pinned its digest; else ``None``."""
    if ir.digest != digest:
        return None
    return ConsumerBar(ir, BarUsed(source="digest", name=name, digest=digest))
