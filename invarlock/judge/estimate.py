"""``estimate``: from evidence to values, for the whole and for every slice present.

Definitions are those of DESIGN section 4 in the words of the catalogue: everything on final
windows, preview windows for drift alone; every mean is token-weighted; sums are exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

import numpy as np

from invarlock.canonical import NANO
from invarlock.errors import VerificationFault
from invarlock.evidence.looks import look_ends
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Contract
from invarlock.judge import exact
from invarlock.judge.answers import mcnemar
from invarlock.judge.bootstrap import Limits, intervals, tail_of
from invarlock.judge.contract import same_measurement
from invarlock.judge.facts import fact_values
from invarlock.judge.guards import activation_values, weight_values
from invarlock.judge.spending import critical_values
from invarlock.judge.sums import Columns, by_document, columns_of
from invarlock.judge.values import MISSING, Key, Value, Values
from invarlock.policy.catalogue import MEASURES

_Finish = Callable[[Fraction], tuple[Decimal, bool]]


@dataclass(frozen=True, slots=True)
class _Mean:
    """A mean with an interval: ``finish(sum of column / sum of weights / units)``.

    ``over`` says what the weights are: the rows of each window, or one for each window.
    """

    measure: str
    column: str
    units: Fraction
    finish: _Finish
    over: Literal["rows", "windows"] = "rows"

    def of(self, quotient: Fraction) -> tuple[Decimal, bool]:
        """The value of a sum over its weights, and whether it is exact."""
        return self.finish(quotient / self.units)


_POINT: Final = Fraction(1, 100)
"""A percentage point."""
_MEANS: Final = (
    _Mean("perplexity.ratio", "change", Fraction(NANO), exact.exp),
    _Mean("kl.mean", "kl", Fraction(NANO), exact.nano),
    _Mean("delta_p.mean", "delta_p", NANO * _POINT, exact.nano),
    _Mean("top1.agreement", "top1", Fraction(1), exact.nano),
    _Mean("accuracy.delta", "gap", _POINT, exact.nano, over="windows"),
    _Mean("flips.rate", "flips", Fraction(1), exact.nano, over="windows"),
    _Mean("flips.lost", "lost", Fraction(1), exact.nano, over="windows"),
    _Mean("flips.gained", "gained", Fraction(1), exact.nano, over="windows"),
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
    whole: bool
    """Whether these are the windows of the whole, and not of a slice."""

    @property
    def early(self) -> bool:
        """Whether the bar plans to look at more windows."""
        return not self.evidence.last_look

    def fewer_than(self, measure: str, windows: Sequence[int]) -> str:
        """Why so many windows say nothing of ``measure``; empty where they do."""
        least = MEASURES[measure].minimum
        return "" if len(windows) >= least else f"{len(windows)} windows, it takes {least}"

    def tokens(self, windows: Sequence[int]) -> int:
        """Tokens scored in these windows."""
        return sum(self.columns.rows[window] for window in windows)

    def weights(self, over: str, windows: Sequence[int]) -> int:
        """What a sum over these windows is divided by."""
        return self.tokens(windows) if over == "rows" else len(windows)

    def refused(self, name: str, windows: Sequence[int]) -> Value | None:
        """Why these windows give no value of the column ``name``; ``None`` where they give one."""
        column = self.columns.by.get(name)
        if column is None:
            return Value("missing", reason="the evidence has nothing to compute it from")
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
    """All values that ``evidence`` gives under the estimator settings of ``contract``.

    Raises :class:`VerificationFault` E408 where the evidence was looked at by another plan.
    """
    if not same_measurement(contract, evidence.header.contract):
        message = "the evidence was measured under another contract than the bar's"
        raise VerificationFault("E408", message, "evaluate again under this bar")
    columns = columns_of(evidence, contract.estimate.normalise)
    items = fact_values(evidence, contract)
    items |= weight_values(evidence, contract) | activation_values(evidence)
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
    return _Part(evidence, columns, contract, final, preview, label is None)


def _window_values(part: _Part) -> dict[str, Value]:
    """Every value that is made from windows, by measure."""
    counted = {
        "windows.final": _amount(part, len(part.final)),
        "windows.tokens": _amount(part, part.tokens(part.final)),
    }
    sampled = {
        "perplexity.drift": _drift(part),
        "kl.p99": _kl_p99(part),
        "delta_p.rms": _delta_p_rms(part),
        "accuracy.mcnemar": _mcnemar(part),
        **_tails(part),
    }
    found = {
        **counted,
        **{name: _enough(part, name, value) for name, value in sampled.items()},
        **{name: _enough(part, name, value) for name, value in _means(part).items()},
        "accuracy.recovery": _enough(part, "accuracy.recovery", _recovery(part)),
    }
    task = part.evidence.header.contract.task
    return {name: value for name, value in found.items() if MEASURES[name].measured_for(task)}


def _amount(part: _Part, seen: int) -> Value:
    """How much there is. At an early look the whole will come to the plan's share more."""
    if not (part.early and part.whole and part.final):
        return Value("ok", Decimal(seen))
    planned = Decimal(seen * part.evidence.header.schedule.final // len(part.final))
    return Value("ok", Decimal(seen), planned=planned)


def _enough(part: _Part, measure: str, value: Value) -> Value:
    """``value``, if there are the windows that it takes, and how many there are."""
    few = part.fewer_than(measure, part.final)
    if "preview" in MEASURES[measure].evidence:
        few = few or part.fewer_than(measure, part.preview)
    if value.status == "ok" and few:
        return replace(value, status="too_few", reason=few)
    return replace(value, windows=len(part.final), early=part.early)


def _means(part: _Part) -> dict[str, Value]:
    """The means that have an interval; all see the same resamples."""
    out: dict[str, Value] = {}
    usable: dict[str, list[_Mean]] = defaultdict(list)
    for mean in _MEANS:
        refused = part.refused(mean.column, part.final)
        if refused is None:
            usable[mean.over].append(mean)
        else:
            out[mean.measure] = refused
    for over, means in usable.items():
        out |= _weighted(part, over, means)
    return out


def _weighted(part: _Part, over: str, means: Sequence[_Mean]) -> dict[str, Value]:
    """Those of the means that have the same weights."""
    out: dict[str, Value] = {}
    documents = by_document(part.evidence.windows, part.final)
    weights = [part.weights(over, windows) for windows in documents]
    sums = [[part.columns.by[mean.column].total(ws) for ws in documents] for mean in means]
    limits = _intervals(part, sums, weights)
    for mean, column, limit in zip(means, sums, limits, strict=True):
        point = Fraction(sum(column), sum(weights))
        out[mean.measure] = _with_limits(mean.of, point, limit)
    return out


def _intervals(
    part: _Part, sums: Sequence[Sequence[int]], weights: Sequence[int]
) -> Sequence[Limits | str]:
    """The interval of each, or why there are too few documents for one."""
    contract, schedule = part.contract.estimate, part.evidence.header.schedule
    floor = contract.minimum_documents
    if len(weights) < floor:
        return [f"{len(weights)} documents, an interval needs {floor}"] * len(sums)
    if contract.spending == "none":
        return intervals(sums, weights, contract)
    ends = look_ends(schedule.final, contract.looks)[: schedule.look]
    shares = [end / schedule.final for end in ends]
    values = critical_values(contract.spending, tail_of(contract), shares)
    return intervals(sums, weights, contract, values[-1])


def _with_limits(finish: _Finish, point: Fraction, limits: Limits | str) -> Value:
    value, is_exact = finish(point)
    if isinstance(limits, str):
        return Value("ok", value, reason=limits, exact=is_exact)
    if limits.low is None or limits.high is None:
        return Value("ok", value, reason=limits.reason, exact=is_exact)
    low, high = (finish(end)[0] for end in (limits.low, limits.high))
    return Value("ok", value, low, high, exact=is_exact and limits.exact)


def _recovery(part: _Part) -> Value:
    """Subject's accuracy over baseline's: R / B, right answers of either.

    Some documents have none that the baseline answers rightly, so the ratio is resampled by its
    residuals r - (R / B) b, whose mean over that of b is what it strays by (Cochran, *Sampling
    Techniques*, 1977, section 6.4). Undefined where the baseline is never right.
    """
    refused = part.refused("right", part.final)
    if refused is not None:
        return refused
    documents = by_document(part.evidence.windows, part.final)
    right, base = (
        [part.columns.by[name].total(windows) for windows in documents]
        for name in ("right", "baseline_right")
    )
    total, whole = sum(right), sum(base)
    if not whole:
        return Value("missing", reason="undefined: the baseline answers nothing rightly")
    residuals = [r * whole - total * b for r, b in zip(right, base, strict=True)]
    weights = [len(windows) for windows in documents]
    (limits,) = _intervals(part, [residuals], weights)
    point, scale = Fraction(total, whole), Fraction(sum(weights), whole * whole)
    value, is_exact = exact.nano(point)
    found = _with_limits(lambda stray: exact.nano(max(Fraction(0), point + stray * scale)),
                         Fraction(0), limits)  # fmt: skip
    return replace(found, point=value, exact=is_exact and found.exact)


def _drift(part: _Part) -> Value:
    """Subject's final over preview perplexity, over the baseline's."""
    refused = part.refused("change", part.preview) or part.refused("change", part.final)
    if refused is not None:
        return refused
    change = part.columns.by["change"]
    final = Fraction(change.total(part.final), part.tokens(part.final))
    preview = Fraction(change.total(part.preview), part.tokens(part.preview))
    point, is_exact = exact.exp((final - preview) / NANO)
    return Value("ok", point, exact=is_exact)


def _tails(part: _Part) -> dict[str, Value]:
    """Percentiles over final windows of the mean log-loss change, unweighted."""
    names = {share: f"perplexity.tail.p{share}" for share in _TAILS}
    refused = part.refused("change", part.final)
    if refused is not None:
        return dict.fromkeys(names.values(), refused)
    ordered = sorted(_mean_change(part.columns, window) for window in part.final)
    return {
        name: _ok(exact.percentile(ordered, Fraction(share, 100)) / NANO)
        for share, name in names.items()
    }


def _mean_change(columns: Columns, window: int) -> Fraction:
    return Fraction(columns.by["change"].sums[window], columns.rows[window])


def _kl_p99(part: _Part) -> Value:
    """The 99th percentile over tokens of KL."""
    refused, column = part.refused("kl", part.final), part.evidence.kl
    if refused is not None or column is None:
        return refused or MISSING
    chosen = np.zeros(len(part.evidence.windows), dtype=np.bool_)
    chosen[list(part.final)] = True
    ordered = np.sort(column[np.repeat(chosen, part.columns.rows)]).tolist()
    return _ok(exact.percentile(ordered, Fraction(99, 100)) / NANO)


def _delta_p_rms(part: _Part) -> Value:
    """Root mean square change of the true token's probability, in percentage points."""
    refused = part.refused("delta_p_squares", part.final)
    if refused is not None:
        return refused
    squares = part.columns.by["delta_p_squares"]
    mean = Fraction(squares.total(part.final), part.tokens(part.final) * (NANO // 100) ** 2)
    point, is_exact = exact.root(mean)
    return Value("ok", point, exact=is_exact)


def _mcnemar(part: _Part) -> Value:
    """The exact p of McNemar's test over the items that one arm alone answers rightly."""
    refused = part.refused("flips", part.final)
    if refused is not None:
        return refused
    lost, gained = (part.columns.by[name].total(part.final) for name in ("lost", "gained"))
    value = _ok(mcnemar(lost, gained))
    return replace(value, reason=f"{lost} lost, {gained} gained")


def _ok(value: Fraction) -> Value:
    point, is_exact = exact.nano(value)
    return Value("ok", point, exact=is_exact)
