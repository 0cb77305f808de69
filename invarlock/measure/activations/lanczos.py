"""The largest singular value of a matrix, by block Lanczos with an error that is bounded.

Plain power iteration is off by percents where σ₁/σ₂ is near one. A Krylov space of blocks finds
the ends of a spectrum far sooner, clusters included, and the residual of what it found says how far
off it can be. Sources: Golub and Underwood, The block Lanczos method for computing eigenvalues
(1977); Parlett, The Symmetric Eigenvalue Problem, theorems 4.5.1 and 11.7.1 (Kato and Temple).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor

BLOCK: Final = 16
"""Vectors in a block: products with fewer take as long, for the matrix has to be read anyway."""
STEPS: Final = 12
"""Blocks at most; a matrix that takes more is decomposed whole."""
TOLERANCE: Final = 1e-6
"""How far θ may be from the eigenvalue of AᵀA, relative to itself; σ is then off by half as much.
Products in float32 add about 1e-7."""
SEED: Final = 7


def largest_singular_value(matrix: Tensor) -> float:
    """σ₁ of ``matrix``, (m, n), float32 and all finite; 0.0 of a zero matrix."""
    import torch

    # Vectors are those of the smaller side.
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    side = tall.shape[1]
    if side <= BLOCK * STEPS:
        return _whole(tall)
    draw = torch.Generator().manual_seed(SEED)
    basis = torch.randn((side, BLOCK), generator=draw).to(tall.device)
    basis = newest = torch.linalg.qr(basis)[0]
    images = rows = tall.new_empty((0, 0))
    for step in range(STEPS):
        image = tall @ newest
        back = tall.T @ image
        images = torch.cat([images, image], dim=1) if step else image
        rows = torch.cat([rows, back], dim=1) if step else back
        square, error = _ritz(basis, images, rows)
        if error <= TOLERANCE * square:
            return sqrt(square)
        newest = _apart(back, basis)
        basis = torch.cat([basis, newest], dim=1)
    return _whole(tall)


def _ritz(basis: Tensor, images: Tensor, rows: Tensor) -> tuple[float, float]:
    """θ, the largest ‖Av‖² of unit vectors v in the space of ``basis`` (side, k), and a bound of
    its error: the residual ρ = ‖AᵀAv - θv‖, or ρ² over the gap below θ where that is less.

    ``images`` is A·basis, ``rows`` AᵀA·basis.
    """
    import torch

    # In float64 on the CPU: not every device has it, and the matrix is small.
    values, vectors = torch.linalg.eigh((images.T @ images).cpu().double())
    top, next_ = float(values[-1]), float(values[-2])
    best = vectors[:, -1].to(rows.device, rows.dtype)
    residual = float((rows @ best - top * (basis @ best)).norm())
    gap = top - next_ - residual
    return top, min(residual, residual**2 / gap if gap > 0 else residual)


def _apart(block: Tensor, basis: Tensor) -> Tensor:
    """An orthonormal basis of what ``block`` holds beside ``basis``. Twice is enough."""
    import torch

    for _ in range(2):
        block = torch.linalg.qr(block - basis @ (basis.T @ block))[0]
    return block


def _whole(tall: Tensor) -> float:
    """By all eigenvalues of the Gram matrix in float64."""
    import torch

    double = tall.cpu().double()
    return sqrt(max(0.0, float(torch.linalg.eigvalsh(double.T @ double)[-1])))
