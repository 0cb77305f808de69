"""The measures of the guards on weights, declared once."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from invarlock.policy.kinds import Kind, Measure, Range, Unit

_NON_NEGATIVE: Final = Range(low=Decimal(0))
# As many as a safetensors file may hold; a bound beyond them could never fail.
_TENSORS: Final = Range(low=Decimal(0), high=Decimal(1_000_000))
_ROWS: Final = Range(low=Decimal(0), high=Decimal(1_000_000_000))

_SPECTRAL: Final = tuple(
    Measure(
        f"spectral.{name}",
        Kind.NUMBER,
        summary,
        "tensors",
        Unit.NATS,
        _NON_NEGATIVE,
        "above",
        families=True,
    )
    for name, summary in (
        ("shift", "largest |ln σ₁(subject) − ln σ₁(baseline)| over weight matrices"),
        ("stable_rank", "largest |ln| of a matrix's ‖W‖²/σ₁² over the baseline's"),
        ("rows", "ln of the norm, baseline over subject, of the row that shrank most"),
        ("columns", "ln of the norm, baseline over subject, of the column that shrank most"),
    )
)

WEIGHT_MEASURES: Final = (
    Measure(
        "invariants.non_finite",
        Kind.NUMBER,
        "NaN or infinite numbers in the subject's tensors",
        "tensors",
        Unit.COUNT,
        _NON_NEGATIVE,
        "above",
    ),
    Measure(
        "invariants.structure",
        Kind.NUMBER,
        "tensors missing, added or reshaped against the baseline",
        "tensors",
        Unit.COUNT,
        _NON_NEGATIVE,
        "above",
    ),
    Measure(
        "invariants.dtype",
        Kind.NUMBER,
        "tensors stored as another dtype than in the baseline",
        "tensors",
        Unit.COUNT,
        _TENSORS,
        "above",
    ),
    Measure(
        "invariants.tied",
        Kind.NUMBER,
        "embeddings and heads that share their numbers in one arm alone",
        "tensors",
        Unit.COUNT,
        _TENSORS,
        "above",
    ),
    Measure(
        "invariants.vocabulary",
        Kind.NUMBER,
        "token ids of the subject's tokenizer that its embedding has no row for",
        "tensors and tokenizer",
        Unit.COUNT,
        _ROWS,
        "above",
    ),
    Measure(
        "invariants.vectors",
        Kind.NUMBER,
        "largest change of an element of a norm or bias, over its own size or the vector's rms",
        "tensors",
        Unit.RATIO,
        _NON_NEGATIVE,
        "above",
    ),
    *_SPECTRAL,
    Measure(
        "spectral.caps",
        Kind.NUMBER,
        "weight matrices whose ln σ₁ moved beyond chance, by `spectral.scale` and correction",
        "tensors",
        Unit.COUNT,
        _TENSORS,
        "above",
    ),
    Measure(
        "rmt.outliers",
        Kind.NUMBER,
        "largest growth of a matrix's Marchenko–Pastur outliers, over its singular values",
        "tensors",
        Unit.RATIO,
        Range(Decimal(-1), Decimal(1)),
        "above",
        families=True,
    ),
    Measure(
        "rows.turned",
        Kind.NUMBER,
        "rows and columns of weight matrices that point elsewhere than the baseline's",
        "tensors",
        Unit.COUNT,
        _ROWS,
        "above",
    ),
    Measure(
        "rows.norm",
        Kind.NUMBER,
        "largest |ln| of a row's norm over the baseline's, beyond that of its whole matrix",
        "tensors",
        Unit.NATS,
        _NON_NEGATIVE,
        "above",
        families=True,
    ),
)
"""In the order of their guards."""
