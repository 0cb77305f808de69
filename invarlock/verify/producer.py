"""The bar that a run was made for, from the signed statement, where nothing is compiled again."""

from __future__ import annotations

from typing import Final

from invarlock.attest.predicate import Predicate
from invarlock.errors import VerificationFault
from invarlock.policy.compare.form import bar_faults
from invarlock.policy.ir import BarIR

_HINT: Final = "do not deploy; ask the producer"


def signed_bar(predicate: Predicate) -> BarIR:
    """The bar in ``predicate``, in the form that a compiler gives it.

    Raises :class:`VerificationFault` E405 for one that no compiler wrote, and E404 where it has
    not the digest that stands beside it.
    """
    bar = predicate.resolved_policy
    fault = next(bar_faults(bar), None)
    if fault is not None:
        raise VerificationFault("E405", f"the statement's bar holds {fault}", _HINT)
    if bar.digest != predicate.policy.bar_digest:
        what = "the statement's bar has not the digest that the statement names"
        raise VerificationFault("E404", what, _HINT)
    return bar
