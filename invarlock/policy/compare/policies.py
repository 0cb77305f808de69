"""Two policies, bar by bar. Pure. Source: DESIGN section 3."""

from __future__ import annotations

from invarlock.policy.compare.bars import compare_bars
from invarlock.policy.compare.result import PolicyComparison, Strictness, combined
from invarlock.policy.compare.slots import Known
from invarlock.policy.ir import PolicyIR


def compare_policies(old: PolicyIR, new: PolicyIR) -> PolicyComparison:
    """What ``new`` is, held against ``old``: over all bars that both have, by name.

    A bar that is gone makes them incomparable; a bar that is added changes nothing. Raises as
    :func:`compare_bars`.
    """
    shared = [name for name in sorted(old.bars) if name in new.bars]
    known: Known = {}
    bars = tuple(
        (name, compare_bars(old.bars[name], new.bars[name], name=name, known=known))
        for name in shared
    )
    removed = tuple(sorted(old.bars.keys() - new.bars.keys()))
    relations = [comparison.relation for _, comparison in bars]
    if removed:
        relations.append(Strictness.INCOMPARABLE)
    return PolicyComparison(
        relation=combined(relations),
        bars=bars,
        removed=removed,
        added=tuple(sorted(new.bars.keys() - old.bars.keys())),
        languages=None if old.language == new.language else (old.language, new.language),
    )
