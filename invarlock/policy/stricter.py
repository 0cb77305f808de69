"""Two gates on one key: whether one refines the other, and what both of them accept.

Source: DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from invarlock.errors import Inconclusive
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.checked import PlacedGate
from invarlock.policy.intervals import (
    at_least_as_strict,
    canonical,
    describe,
    intersect,
    is_empty,
    reach,
)
from invarlock.policy.ir import Gate, Interval
from invarlock.policy.problems import Problem
from invarlock.policy.signers import Budget
from invarlock.policy.span import Span


def check_refinement(key: str, child: PlacedGate, parent: PlacedGate, budget: Budget) -> None:
    """Check that ``child`` accepts nothing that ``parent`` refuses; signers cost ``budget``.

    Raises :class:`Problem` E106, or E136 where globs are too large to tell.
    """
    new, old = child.gate, parent.gate
    if old.level == "require" and new.level == "warn":
        message = f"`{key}` is required on {parent.span.words}, and only warned of here"
        raise Problem("E106", message, "write `require`", child.span, parent.span)
    with _answered(child.span, parent.span):
        measure = MEASURES[new.measure]
        stricter = at_least_as_strict(new.relation, old.relation, measure, budget)
    if not stricter:
        message = (
            f"`{key} {describe(new.relation)}` accepts more than "
            f"`{describe(old.relation)}` on {parent.span.words}, which it refines"
        )
        raise Problem("E106", message, "tighten it, or drop it", child.span, parent.span)


def both(key: str, upper: PlacedGate, lower: PlacedGate, budget: Budget) -> PlacedGate:
    """What both gates accept, required if either requires it: placed where the one that decides
    it is written. Signers cost ``budget``.

    Raises :class:`Problem` E108, E128 or E136 at ``upper`` where nothing is left or nothing says
    what is.
    """
    measure = MEASURES[lower.gate.measure]
    there = lower.span.words
    with _answered(upper.span, lower.span):
        relation = intersect(lower.gate.relation, upper.gate.relation, budget)
    if relation is None and measure.kind is Kind.SIGNER:
        message = f"neither these signers of `{key}` nor those on {there} include the others"
        raise Problem("E128", message, "let one set include the other", upper.span, lower.span)
    dead = relation is None
    if isinstance(relation, Interval):
        dead = is_empty(reach(relation, measure))
    if relation is None or dead:
        message = (
            f"`{key} {describe(upper.gate.relation)}` leaves nothing of "
            f"`{describe(lower.gate.relation)}` on {there}"
        )
        raise Problem("E108", message, "widen one of the two", upper.span, lower.span)
    required = "require" in {lower.gate.level, upper.gate.level}
    gate = Gate(
        measure=lower.gate.measure,
        statistic=lower.gate.statistic,
        target=lower.gate.target,
        level="require" if required else "warn",
        relation=relation,
    )
    return lower if _says_the_same(gate, lower.gate) else PlacedGate(gate, upper.span)


def repeats(child: PlacedGate, parent: PlacedGate) -> bool:
    """Whether ``child`` says of its key what ``parent`` says already, in whatever spelling."""
    return _says_the_same(child.gate, parent.gate)


def _says_the_same(one: Gate, other: Gate) -> bool:
    """Whether two gates on one key are one in the IR."""
    if one.level != other.level:
        return False
    measure = MEASURES[one.measure]
    return one.relation == other.relation or (
        canonical(one.relation, measure) == canonical(other.relation, measure)
    )


@contextmanager
def _answered(span: Span, other: Span) -> Iterator[None]:
    """Globs that cannot be compared in bounded time are an error where they stand."""
    try:
        yield
    except Inconclusive as err:
        raise Problem(err.code, err.message, err.hint, span, other) from err
