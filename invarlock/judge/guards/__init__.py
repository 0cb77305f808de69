"""Guards: the subject's tensors and layers against the baseline's, out of the evidence alone.

One module a guard. What cannot be compared has no number, and so never passes.
"""

from __future__ import annotations

from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Contract
from invarlock.judge.guards.invariants import invariant_values
from invarlock.judge.guards.layers import layer_values
from invarlock.judge.guards.passes import pass_values
from invarlock.judge.guards.rmt import outlier_values
from invarlock.judge.guards.rows import row_values
from invarlock.judge.guards.spectral import spectral_values
from invarlock.judge.values import Key, Value

__all__ = ["activation_values", "weight_values"]


def activation_values(evidence: Evidence) -> dict[Key, Value]:
    """Every value that is made from what layers put out, and from passes over the guard windows."""
    return {**layer_values(evidence), **pass_values(evidence)}


def weight_values(evidence: Evidence, contract: Contract) -> dict[Key, Value]:
    """Every value that is made from records of tensors; none of imported evidence, which has no
    tensors: that none is broken or missing was not seen."""
    if evidence.header.origin == "imported":
        return {}
    return {
        **invariant_values(evidence),
        **spectral_values(evidence, contract),
        **outlier_values(evidence),
        **row_values(evidence),
    }
