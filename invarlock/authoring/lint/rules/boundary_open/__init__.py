"""A tier that does not close the boundary, or does not hold the tokenizers together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.authoring.lint.finding import Hit, Rule
from invarlock.authoring.lint.linted import Linted, label_span, label_text
from invarlock.policy.diagnostics import shown
from invarlock.policy.ir import BarIR, Member

SAFE: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "runtime.isolation": ("in {sandbox}", frozenset({"host"})),
    "runtime.network": ("== off", frozenset({"on"})),
    "runtime.remote_code": ("== off", frozenset({"on"})),
    "runtime.pickle": ("== off", frozenset({"on"})),
    "runtime.plugins": ("== off", frozenset({"on"})),
    "tokenizer.same": ("== yes", frozenset({"no"})),
}
"""For each measure how a bar closes it, and the words that leave it open."""


def check(linted: Linted) -> Iterator[Hit]:
    """One hit for each tier, or one for the policy where all tiers lack the same."""
    bars = linted.compiled.ir.bars
    tiers = {block: _open(bars[label_text(block)]) for block in linted.blocks("tier")}
    if len(tiers) > 1 and len(set(tiers.values())) == 1:
        lacking = next(iter(tiers.values()))
        if lacking:
            yield Hit(f"no tier requires {_listed(lacking)}", _hint(lacking), linted.name_span())
        return
    for block, lacking in tiers.items():
        if lacking:
            message = f"the tier `{shown(label_text(block))}` does not require {_listed(lacking)}"
            yield Hit(message, _hint(lacking), label_span(block))


def _open(bar: BarIR) -> tuple[str, ...]:
    closed = {
        gate.measure
        for gate in bar.gates
        if gate.level == "require"
        and gate.measure in SAFE
        and isinstance(gate.relation, Member)
        and not SAFE[gate.measure][1] & set(gate.relation.values)
    }
    return tuple(name for name in SAFE if name not in closed)


def _listed(lacking: tuple[str, ...]) -> str:
    quoted = [f"`{name} {SAFE[name][0]}`" for name in lacking]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + f" and {quoted[-1]}"


def _hint(lacking: tuple[str, ...]) -> str:
    return f"require {'it' if len(lacking) == 1 else 'them'} at the top level, for every tier"


RULE: Final = Rule(
    "boundary-open",
    "warning",
    "a tier leaves the boundary or the tokenizers open",
    check,
    __file__,
)
