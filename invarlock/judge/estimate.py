"""``estimate``: from evidence to values, for the whole and for every slice present.

Definitions are those of DESIGN section 4 in the words of the catalogue: everything on final
windows, preview windows for drift alone; every mean is token-weighted; sums are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np

from invarlock.canonical import NANO
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Contract
from invarlock.judge import exact
from invarlock.judge.bootstrap import Limits, intervals
from invarlock.judge.facts import fact_values
from invarlock.judge.guards import weight_values
from invarlock.judge.sums import Column, Columns, by_document, columns_of
from invarlock.judge.values import Key, Value, Values

_Finish = Callable[[Fraction], tuple[Decimal, bool]]


@dataclass(frozen=True, slots=True)
class _Mean:
    """A token-weighted mean with an interval: ``finish(sum / tokens / units)``."""

    measure: str
    column: Callable[[Columns], Column]
    units: int
    finish: _Finish


_MEANS: Final = (
    _Mean("perplexity.ratio", lambda columns: columns.change, NANO, exact.exp),
    _Mean("kl.mean", lambda columns: columns.kl, NANO, exact.nano),
    _Mean("delta_p.mean", lambda columns: columns.delta_p, NANO // 100, exact.nano),
    _Mean("top1.agreement", lambda columns: columns.top1, 1, exact.nano),
)
_TAILS: Final = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class _Part:
    """The final and preview windows of the whole or of one slice, by position."""

    evidence: Evidence
    columns: Columns
    contract: Contract
    final: tuple[int, ...]
    preview: tuple[int, ...]

    def tokens(self, windows: Sequence[int]) -> int:
        """Tokens scored in these windows."""
        return sum(self.columns.rows[window] for window in windows)

    def refused(self, column: Column, windows: Sequence[int]) -> Value | None:
        """Why these windows give no value of ``column``; ``None`` where they give one."""
        if not windows:
            return Value("missing", reason="no windows to compute it from")
        all_windows = self.evidence.windows
        unpaired = sum(all_windows[w].id != all_windows[w].subject_id for w in windows)
        if unpaired:
            return Value("missing", reason=f"{unpaired} of {len(windows)} windows are unpaired")
        if not column.all_finite(windows):
            return Value("non_finite", reason="nan or infinity in the numbers it is made from")
        return None


def estimate(evidence: Evidence, contract: Contract) -> Values:
    """All values that ``evidence`` gives under the estimator settings of ``contract``."""
    columns = columns_of(evidence)
    items = fact_values(evidence, contract)
    items |= weight_values(evidence, contract)
    for measure, value in _window_values(_part(evidence, columns, contract, None)).items():
        items[Key(measure)] = value
    for label in sorted({w.slice for w in evidence.windows if w.slice is not None}):
        for measure, value in _window_values(_part(evidence, columns, contract, label)).items():
            items[Key(measure, "slice", label)] = value
    return Values(items)


def _part(evidence: Evidence, columns: Columns, contract: Contract, label: str | None) -> _Part:
    chosen = [
        (position, window.phase)
        for position, window in enumerate(evidence.windows)
        if label is None or window.slice == label
    ]
    final = tuple(position for position, phase in chosen if phase == "final")
    preview = tuple(position for position, phase in chosen if phase == "preview")
    return _Part(evidence, columns, contract, final, preview)


def _window_values(part: _Part) -> dict[str, Value]:
    """Every value that is made from windows, by measure."""
    counted = {
        "windows.final": Value("ok", Decimal(len(part.final))),
        "windows.tokens": Value("ok", Decimal(part.tokens(part.final))),
        "perplexity.drift": _drift(part),
        "kl.p99": _kl_p99(part),
        "delta_p.rms": _delta_p_rms(part),
    }
    return counted | _tails(part) | _means(part)


def _means(part: _Part) -> dict[str, Value]:
    """The measures that have an interval; all see the same resamples."""
    out: dict[str, Value] = {}
    usable: list[_Mean] = []
    for mean in _MEANS:
        refused = part.refused(mean.column(part.columns), part.final)
        if refused is None:
            usable.append(mean)
        else:
            out[mean.measure] = refused
    if not usable:
        return out
    documents = by_document(part.evidence.windows, part.final)
    weights = [part.tokens(windows) for windows in documents]
    sums = [[mean.column(part.columns).total(ws) for ws in documents] for mean in usable]
    floor = part.contract.estimate.minimum_documents
    few = f"{len(documents)} documents, an interval needs {floor}"
    enough = len(documents) >= floor
    limits = intervals(sums, weights, part.contract.estimate) if enough else [None] * len(sums)
    for mean, column, limit in zip(usable, sums, limits, strict=True):
        point = Fraction(sum(column), sum(weights))
        out[mean.measure] = _with_limits(mean, point, limit, few)
    return out


def _with_limits(mean: _Mean, point: Fraction, limits: Limits | None, few: str) -> Value:
    value, is_exact = mean.finish(point / mean.units)
    if limits is None:
        return Value("too_few", value, reason=few, exact=is_exact)
    if limits.low is None or limits.high is None:
        return Value("ok", value, reason=limits.reason, exact=is_exact)
    low, _ = mean.finish(limits.low / mean.units)
    high, _ = mean.finish(limits.high / mean.units)
    return Value("ok", value, low, high, exact=is_exact and limits.exact)


def _drift(part: _Part) -> Value:
    """Subject's final over preview perplexity, over the baseline's."""
    change = part.columns.change
    refused = part.refused(change, part.preview) or part.refused(change, part.final)
    if refused is not None:
        return refused
    final = Fraction(change.total(part.final), part.tokens(part.final))
    preview = Fraction(change.total(part.preview), part.tokens(part.preview))
    point, is_exact = exact.exp((final - preview) / NANO)
    return Value("ok", point, exact=is_exact)


def _tails(part: _Part) -> dict[str, Value]:
    """Percentiles over final windows of the mean log-loss change, unweighted."""
    names = {share: f"perplexity.tail.p{share}" for share in _TAILS}
    refused = part.refused(part.columns.change, part.final)
    if refused is not None:
        return dict.fromkeys(names.values(), refused)
    ordered = sorted(_mean_change(part.columns, window) for window in part.final)
    return {
        name: _ok(exact.percentile(ordered, Fraction(share, 100)) / NANO)
        for share, name in names.items()
    }


def _mean_change(columns: Columns, window: int) -> Fraction:
    return Fraction(columns.change.sums[window], columns.rows[window])


def _kl_p99(part: _Part) -> Value:
    """The 99th percentile over tokens of KL."""
    refused = part.refused(part.columns.kl, part.final)
    if refused is not None:
        return refused
    chosen = np.zeros(len(part.evidence.windows), dtype=np.bool_)
    chosen[list(part.final)] = True
    ordered = np.sort(part.evidence.kl[np.repeat(chosen, part.columns.rows)]).tolist()
    return _ok(exact.percentile(ordered, Fraction(99, 100)) / NANO)


def _delta_p_rms(part: _Part) -> Value:
    """Root mean square change of the true token's probability, in percentage points."""
    squares = part.columns.delta_p_squares
    refused = part.refused(squares, part.final)
    if refused is not None:
        return refused
    mean = Fraction(squares.total(part.final), part.tokens(part.final) * (NANO // 100) ** 2)
    point, is_exact = exact.root(mean)
    return Value("ok", point, exact=is_exact)


def _ok(value: Fraction) -> Value:
    point, is_exact = exact.nano(value)
    return Value("ok", point, exact=is_exact)
