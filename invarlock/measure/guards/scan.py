"""One pass over the weights of a model, each read for itself and then let go.

The subject's are read beside the baseline's of the same name, whose folder its process has open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from math import frexp, log
from typing import Any, Final

import numpy as np

from invarlock.canonical import NANO
from invarlock.evidence.families import family_of
from invarlock.evidence.schema import Contract, Drift, Tensor
from invarlock.measure.guards.blocks import blocks, row_blocks
from invarlock.measure.guards.invariants import count_non_finite, same_numbers
from invarlock.measure.guards.outliers import count_outliers
from invarlock.measure.guards.rows import Drifting, largest_change
from invarlock.measure.guards.spectral import add_gram, spectrum
from invarlock.measure.job import EVERY, Shard
from invarlock.measure.weights.model import Weights
from invarlock.measure.weights.stored import Doubles, Weight, as_matrix

_MATRIX: Final = 2
_NOTHING: Final[dict[str, Any]] = {
    "log_sigma": None,
    "log_norm": None,
    "outliers": None,
    "twin": None,
    "drift": None,
    "change": None,
}


def scan_model(
    weights: Weights, contract: Contract, baseline: Weights | None = None
) -> tuple[Tensor, ...]:
    """The records of all of ``weights``, sorted by name; beside those of ``baseline``, if given."""
    return tuple(
        scan_weight(weight, other, contract, _likes(weight, weights))
        for weight, other in _pairs(weights, baseline)
    )


def scan_in_threads(
    pool: ThreadPoolExecutor,
    weights: Weights,
    contract: Contract,
    baseline: Weights | None = None,
    shard: Shard = EVERY,
) -> list[Future[Tensor]]:
    """The same in ``pool``, while the caller does other work: each tensor by one thread, so that
    a record does not depend on how many there are. ``shard`` says which tensors."""
    chosen = islice(_pairs(weights, baseline), shard.index, None, shard.count)
    return [
        pool.submit(scan_weight, weight, other, contract, _likes(weight, weights))
        for weight, other in chosen
    ]


def scan_weight(
    weight: Weight, baseline: Weight | None, contract: Contract, likes: Sequence[Weight] = ()
) -> Tensor:
    """The record of one tensor.

    ``baseline`` is the baseline's of the same name and shape, ``likes`` others of the same arm that
    may hold the same numbers, in the order of their names.
    """
    if len(weight.shape) < _MATRIX or min(as_matrix(weight.shape)) == 0:
        return _vector(weight, baseline)
    twin = next((other.name for other in likes if same_numbers(weight, other)), None)
    return _matrix(weight, baseline, contract).model_copy(update={"twin": twin})


def _vector(weight: Weight, baseline: Weight | None) -> Tensor:
    after = list(row_blocks(weight.shape, weight.view()))
    bad = sum(count_non_finite(block) for block in after)
    change = None
    if baseline is not None and not bad:
        before = list(row_blocks(weight.shape, baseline.view()))
        if not any(count_non_finite(block) for block in before):
            change = largest_change(_flat(before), _flat(after))
    return _record(weight, bad, "non_finite" if bad else "vector", change=change)


def _flat(found: list[Doubles]) -> Doubles:
    return np.concatenate([block.reshape(-1) for block in found]) if found else np.zeros(0)


def _matrix(weight: Weight, baseline: Weight | None, contract: Contract) -> Tensor:
    rows, columns = as_matrix(weight.shape)
    view, other = weight.view(), None if baseline is None else baseline.view()
    shift, shared = _shifts(weight, baseline)
    gram = np.zeros((min(rows, columns),) * 2)
    drifting = Drifting(rows, columns)
    bad = bad_before = 0
    for block in blocks(weight.shape, view, other):
        found = count_non_finite(block.numbers)
        bad += found
        if block.other is not None:
            bad_before += count_non_finite(block.other)
        if not bad:
            add_gram(gram, block.scaled(shift))
        if not bad and not bad_before:
            drifting.add(block.scaled(shared))
    if bad:
        return _record(weight, bad, "non_finite")
    drift = None if baseline is None or bad_before else drifting.drift(contract.rows)
    seen = spectrum(gram)
    if seen is None:
        return _record(weight, 0, "zero", drift=drift)
    return _record(
        weight,
        0,
        "measured",
        log_sigma=round((seen.log_sigma + shift * log(2.0)) * NANO),
        log_norm=round((seen.log_norm + shift * log(2.0)) * NANO),
        outliers=count_outliers(seen.squares, rows, columns, contract.outliers),
        drift=drift,
    )


def _shifts(weight: Weight, baseline: Weight | None) -> tuple[int, int]:
    """Binary exponents to divide by, for the tensor alone and for both: squares of float64 could
    overflow without. Zero where nothing is stored as float64."""
    own = _exponent(weight) if weight.dtype == "F64" else 0
    if baseline is None or "F64" not in {weight.dtype, baseline.dtype}:
        return own, own
    return own, max(_exponent(weight), _exponent(baseline))


def _exponent(weight: Weight) -> int:
    top = 0.0
    for block in row_blocks(weight.shape, weight.view()):
        if block.size:
            top = max(top, float(np.max(np.abs(block), where=np.isfinite(block), initial=0.0)))
    return frexp(top)[1]


def _record(
    weight: Weight, bad: int, kind: str, *, drift: Drift | None = None, **numbers: int | None
) -> Tensor:
    return Tensor.model_validate(
        {
            **_NOTHING,
            "name": weight.name,
            "family": family_of(weight.name),
            "shape": weight.shape,
            "dtype": weight.dtype,
            "non_finite": bad,
            "spectrum": kind,
            "drift": drift,
            **numbers,
        }
    )


def _likes(weight: Weight, weights: Weights) -> list[Weight]:
    """Other embeddings and heads of the shape of ``weight``, which is one of them."""
    if family_of(weight.name) != "embed":
        return []
    return [
        other
        for name, other in sorted(weights.items())
        if name != weight.name and other.shape == weight.shape and family_of(name) == "embed"
    ]


def _pairs(weights: Weights, baseline: Weights | None) -> Iterator[tuple[Weight, Weight | None]]:
    for name, weight in sorted(weights.items()):
        other = None if baseline is None else baseline.get(name)
        yield weight, other if other is not None and other.shape == weight.shape else None
