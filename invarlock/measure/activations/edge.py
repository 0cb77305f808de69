"""How far a layer's output stands out of noise, and how wide it spreads.

The output of a layer over m tokens is a matrix of n features. Each feature is centred and divided
by its standard deviation. Were they independent noise, the largest singular value would lie at the
edge of the Marchenko–Pastur law, √m + √n = √m·(1 + √(n/m)). The *edge risk* is σ₁ over that edge:
1 for noise, and the larger the more of the output is one direction. Source: Marchenko and Pastur
(1967); Bai and Yin (1993) for the edge.

Outputs are taken, not inputs: an edit of a matrix shows in its own output, in that of others only
as far as it spreads, and an output is named after the one matrix that made it. Standardised,
neither the scale of a feature nor its mean matters: those are what the spread is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite, sqrt
from typing import TYPE_CHECKING, Final

from invarlock.measure.activations.lanczos import largest_singular_value

if TYPE_CHECKING:
    from torch import Tensor

_STILL: Final = 1e-5
"""A feature that varies by less than this share of its mean is constant: the rest is rounding."""


_NEAR: Final = 0.9
"""Of the tokens, the share that tells the spread."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a layer's outputs.

    Attributes:
        finite: whether all were, and their squares; without that there are no numbers.
        risk: the edge risk; 0.0 where nothing varies.
        spread: the median over features of the standard deviation over tokens, in the first half
            of the windows, less the tenth of tokens that lie farthest out. The median, since in
            many models a few features are hundreds of times as large as the rest, and a mean would
            be theirs alone; less a tenth, since so are a few tokens, the first of a window above
            all (Sun and others, Massive Activations in Large Language Models, 2024). A layer
            scaled by s has s times the spread.
    """

    finite: bool
    risk: float = 0.0
    spread: float = 0.0


def look(outputs: Tensor, half: int) -> Seen:
    """What is to be seen of ``outputs``, (m tokens, n features), of which ``half`` tokens are
    those of the first half of the windows."""
    import torch

    tokens, features = outputs.shape
    # Sums over tokens as products with ones: many times as fast as the library's own.
    ones = torch.ones(tokens, dtype=outputs.dtype, device=outputs.device)
    mean = (ones @ outputs) / tokens
    centred = outputs - mean
    squares = centred.square()
    variance = (ones @ squares) / tokens
    if not isfinite(float(variance.sum())):
        return Seen(finite=False)
    moving = variance > (mean * _STILL).square()
    scale = torch.where(moving, variance.rsqrt(), torch.zeros_like(variance))
    spread = _spread(centred[:half], squares[:half])
    risk = largest_singular_value(centred.mul_(scale)) / (sqrt(tokens) + sqrt(features))
    return Seen(True, risk, spread)


def _spread(centred: Tensor, squares: Tensor) -> float:
    """Of outputs about a mean, and their squares, (m tokens, n features) each."""
    far = squares.sum(dim=1)
    near = far.argsort(stable=True)[: ceil(len(far) * _NEAR)]
    # By weights of rows, not by a copy without those left out.
    share = centred.new_zeros(len(far)).index_fill_(0, near, 1 / len(near))
    variance = share @ squares - (share @ centred).square()
    return sqrt(max(0.0, float(variance.median())))
