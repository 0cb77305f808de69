"""How far numbers that were measured again may lie from those in the evidence.

On one machine, with the same number of threads and the same batches, the bits come out the same.
With other threads, batches, libraries or processors the last digits of the model's own precision
differ: :data:`~invarlock.evidence.schema.TOKEN_TOLERANCE` and ``MEAN_TOLERANCE`` say by how much,
as measured over threads and batches. The first is about a single token. Of a mean over n tokens
rounding leaves a common part, the second, and what is each token's own, which falls with √n.

Numbers of weights do not pass through a model: they are sums of float64 products, and equal to
:data:`WEIGHT_UNITS` wherever they are computed; counts, shapes and words are equal exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

from invarlock.canonical import NANO
from invarlock.evidence.schema import MEAN_TOLERANCE, TOKEN_TOLERANCE, Dtype

WEIGHT_UNITS: Final = 100
"""Units of 1e-9 of what is computed from weights: what the reader of evidence grants them, too."""

_LAYER_TOLERANCE: Final[Mapping[Dtype, float]] = {
    "float32": 1e-4,
    "bfloat16": 5e-2,
    "float16": 1e-2,
}
"""Relative of an edge risk, nats of a spread: of thousands of outputs together, so that each one's
rounding hardly shows; σ₁ itself is found to 1e-6."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Tolerances of a model that computes in ``dtype``; losses in units of 1e-9 nats."""

    dtype: Dtype

    def token(self, terms: int = 1) -> int:
        """Of one log-loss that is a sum over ``terms`` tokens."""
        return round(TOKEN_TOLERANCE[self.dtype] * sqrt(terms) * NANO)

    def mean(self, rows: int, terms: int = 1) -> int:
        """Of the mean of ``rows`` log-losses."""
        common = MEAN_TOLERANCE[self.dtype] * terms
        return round((common + TOKEN_TOLERANCE[self.dtype] * sqrt(terms / rows)) * NANO)

    def divergence(self) -> int:
        """Of the KL of one token: every log-probability in it may differ as a log-loss may, on
        both sides."""
        return 2 * self.token()

    def probability(self) -> int:
        """Of the change of one token's probability, in 1e-9: |d e^-ℓ/dℓ| ≤ 1 for both arms."""
        return 2 * self.token() + 2

    def probability_mean(self, rows: int) -> int:
        """Of the mean of ``rows`` changes of probability, in 1e-9."""
        return 2 * self.mean(rows) + 2

    def ties(self, rows: int) -> int:
        """Of ``rows`` tokens, for how many the first two may change places: where they lie nearer
        than one token's tolerance, and once anywhere."""
        return 1 + int(TOKEN_TOLERANCE[self.dtype] * rows)

    def layer(self) -> float:
        """Of what a layer put out: relative of its edge risk, nats of its spread."""
        return _LAYER_TOLERANCE[self.dtype]
