"""Level `reproduced`: numbers of windows against those of the same windows evaluated again.

Windows are drawn again from the consumer's data by his copy of the baseline's tokenizer, all of
them; what is scored again is the challenge, and with it the windows that the guards on activations
watch, so that all of what those saw is held against what they see now. Every challenged window is
tested by itself, and all of them together for a shift of the mean that is too small to show in one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from invarlock.canonical import NANO, NON_FINITE
from invarlock.evidence.activations import guard_windows
from invarlock.evidence.model import Evidence, Int64s
from invarlock.evidence.positions import is_choice
from invarlock.evidence.schema import ARMS, GUARD_COLUMNS, Activation, Window
from invarlock.verify.differences import differences, shown
from invarlock.verify.result import Finding, Level, refused
from invarlock.verify.tolerance import Tolerance

if TYPE_CHECKING:
    from invarlock.evaluate.again import Drawn

SHOWN: Final = 16
"""Findings of one kind that are named one by one."""
_LOSSES: Final = ("baseline_loss", "loss")
_WORDS: Final = {
    "baseline_loss": "the baseline's log-loss",
    "loss": "the subject's log-loss",
    "kl": "KL",
    "delta_p": "the change of probability",
    "bare": "the subject's log-loss without a guard",
    "scaled": "the subject's log-loss at the baseline's scales",
}


def always(evidence: Evidence) -> int:
    """How many windows, the first, are evaluated again whatever the challenge."""
    if not any(evidence.activations.values()):
        return 0
    return guard_windows(evidence.header.contract, evidence.header.schedule)


def compare_windows(evidence: Evidence, drawn: Drawn) -> Iterator[Finding]:
    """Windows, their tokens and their rows are those that data and tokenizer give."""
    header = evidence.header
    for name, signed, found in (
        ("data.documents", header.data.documents, drawn.counts.documents),
        ("data.windows", header.data.windows, drawn.counts.windows),
    ):
        if signed != found:
            yield _refused(f"`{name}`", str(signed), str(found))
    facts = header.baseline.tokenizer
    if facts is not None and facts != drawn.tokenizer:
        for path, one, other in differences(facts.model_dump(), drawn.tokenizer.model_dump()):
            yield _refused(f"the baseline's tokenizer: `{path}`", one, other)
    wrong = (
        (at, one, drawn.windows[at])
        for at, one in enumerate(evidence.windows)
        if _cut(one) != drawn.windows[at]
    )
    for at, own, there in islice(wrong, SHOWN):
        for path, was, must in differences(
            _cut(own).model_dump(mode="json"), there.model_dump(mode="json")
        ):
            yield _refused(f"window {at}: `{path}`", was, must)
    count = len(evidence.windows)
    part = drawn.layout.part(0, count)
    for name in ("tokens", "positions"):
        if not np.array_equal(getattr(evidence, name), getattr(part, name)):
            yield _refused(f"{name} of the windows", "others", "those of the data")


def _cut(window: Window) -> Window:
    return window.model_copy(update={"subject_id": None})


@dataclass(frozen=True, slots=True)
class Compared:
    """What holding evidence against evidence gave.

    ``largest`` is the largest difference of one log-loss, ``shift`` the mean over all rows of how
    much the change from baseline to subject was understated (both in 1e-9 nats).
    """

    findings: tuple[Finding, ...]
    largest: int
    shift: int
    allowed: int


@dataclass(frozen=True, slots=True)
class _Pair:
    """A challenged window: its columns as they were signed and as they came out, (rows,)."""

    at: int
    window: Window
    signed: dict[str, Int64s]
    found: dict[str, Int64s]
    terms: int

    def apart(self, column: str) -> Int64s:
        """Signed less found; rows that are flagged in either are 0."""
        one, other = self.signed[column], self.found[column]
        flagged = (one == NON_FINITE) | (other == NON_FINITE)
        difference: Int64s = np.where(flagged, 0, one - np.where(flagged, one, other))
        return difference


def compare_scores(evidence: Evidence, again: Evidence, chosen: Sequence[int]) -> Compared:
    """Hold the windows ``chosen`` of the evidence against those of ``again``, which has no others.

    Also the facts of the subject's tokenizer, and of guards on activations all that they saw.
    """
    tolerance = Tolerance(evidence.header.contract.dtype)
    pairs = list(_pairs(evidence, again, chosen))
    findings = [
        *_facts(evidence, again, pairs),
        *_windows(pairs, tolerance),
        *_layers(evidence, again, tolerance),
        *_passes(evidence, again, tolerance),
    ]
    rows = sum(len(pair.signed["loss"]) for pair in pairs)
    terms = max((pair.terms for pair in pairs), default=1)
    total = sum(int((pair.apart("baseline_loss") - pair.apart("loss")).sum()) for pair in pairs)
    shift, allowed = round(total / max(1, rows)), 2 * tolerance.mean(max(1, rows), terms)
    if abs(shift) > allowed:
        what = "over all windows challenged, the mean change of log-loss was told too low by"
        if shift < 0:
            what = what.replace("low", "high")
        findings.append(_refused(what, nats(abs(shift)), f"at most {nats(allowed)}"))
    if pairs and "top1" in pairs[0].signed:
        findings += _agreement("all windows challenged", pairs, tolerance)
    largest = max(
        (int(np.abs(pair.apart(name)).max()) for pair in pairs for name in _LOSSES), default=0
    )
    return Compared(tuple(findings), largest, shift, allowed)


def _pairs(evidence: Evidence, again: Evidence, chosen: Sequence[int]) -> Iterator[_Pair]:
    signed, found = evidence.layout.offsets.tolist(), again.layout.offsets.tolist()
    one, other = evidence.columns, again.columns
    choosing = is_choice(evidence.header.contract.task)
    for place, at in enumerate(chosen):
        window = evidence.windows[at]
        yield _Pair(
            at=at,
            window=window,
            signed={name: column[signed[at] : signed[at + 1]] for name, column in one.items()},
            found={name: column[found[place] : found[place + 1]] for name, column in other.items()},
            terms=window.length if choosing else 1,
        )


def _facts(evidence: Evidence, again: Evidence, pairs: Sequence[_Pair]) -> Iterator[Finding]:
    one, other = evidence.header.subject.tokenizer, again.header.subject.tokenizer
    if one is not None and other is not None and one != other:
        for path, was, must in differences(one.model_dump(), other.model_dump()):
            yield _refused(f"the subject's tokenizer: `{path}`", was, must)
    for pair, window in zip(pairs, again.windows, strict=True):
        if pair.window.subject_id != window.subject_id:
            what = f"{_name(pair)}: what the subject's tokenizer gives there"
            yield _refused(what, shown(pair.window.subject_id), shown(window.subject_id))


def _windows(pairs: Sequence[_Pair], tolerance: Tolerance) -> Iterator[Finding]:
    """Each window by itself; of many that differ, the first are named."""
    wrong = 0
    for pair in pairs:
        found = list(_window(pair, tolerance))
        if found and wrong < SHOWN:
            yield from found
        wrong += bool(found)
    if wrong > SHOWN:
        what = f"windows that differ, {wrong - SHOWN} of them not named"
        yield _refused(what, str(wrong), "none")


def _window(pair: _Pair, tolerance: Tolerance) -> Iterator[Finding]:
    token = tolerance.token(pair.terms)
    rows = len(pair.signed["loss"])
    mean = tolerance.mean(rows, pair.terms)
    limits = {
        "baseline_loss": (token, mean),
        "loss": (token, mean),
        "kl": (tolerance.divergence(), 2 * mean),
        "delta_p": (tolerance.probability(), tolerance.probability_mean(rows)),
    }
    for name, (one, all_rows) in limits.items():
        if name in pair.signed:
            yield from _column(pair, name, one, all_rows)
    if "top1" in pair.signed:
        yield from _agreement(_name(pair), [pair], tolerance)


def _column(pair: _Pair, name: str, limit: int, mean_limit: int) -> Iterator[Finding]:
    signed, found = pair.signed[name], pair.found[name]
    flags = (signed == NON_FINITE) != (found == NON_FINITE)
    what = f"{_name(pair)}: {_WORDS[name]}"
    if bool(flags.any()):
        row = int(np.argmax(flags))
        yield _refused(f"{what}, row {row}", _value(signed[row]), _value(found[row]))
        return
    apart = pair.apart(name)
    row = int(np.argmax(np.abs(apart)))
    if abs(int(apart[row])) > limit:
        off = f"{what}, row {row}, off by {nats(int(apart[row]))}"
        yield _refused(off, _value(signed[row]), f"{_value(found[row])} ± {nats(limit)}")
    mean = round(float(apart.mean()))
    if abs(mean) > mean_limit:
        one, other = (round(float(column.mean())) for column in (signed, found))
        off = f"{what}, its mean, off by {nats(mean)}"
        yield _refused(off, nats(one), f"{nats(other)} ± {nats(mean_limit)}")


def _agreement(what: str, pairs: Sequence[_Pair], tolerance: Tolerance) -> Iterator[Finding]:
    """The first two tokens may change places where they nearly tie, and nowhere else."""
    rows = sum(len(pair.signed["top1"]) for pair in pairs)
    apart = sum(int((pair.signed["top1"] != pair.found["top1"]).sum()) for pair in pairs)
    allowed = tolerance.ties(rows)
    if apart > allowed:
        text = f"{what}: agreement of the first token, of {rows} rows"
        yield _refused(text, f"{apart} differ", f"at most {allowed}")


def _layers(evidence: Evidence, again: Evidence, tolerance: Tolerance) -> Iterator[Finding]:
    for arm in ARMS:
        signed = {layer.name: layer for layer in evidence.activations[arm]}
        found = {layer.name: layer for layer in again.activations[arm]}
        if signed and signed.keys() != found.keys():
            one, other = (", ".join(sorted(a.keys() - b.keys())) or "none" for a, b in
                          ((signed, found), (found, signed)))  # fmt: skip
            yield _refused(f"{arm}: layers that one side alone has", one[:300], other[:300])
        for name in sorted(signed.keys() & found.keys()):
            for field, was, must in _layer(signed[name], found[name], tolerance.layer()):
                yield _refused(f"{arm}: layer `{name}`: `{field}`", was, must)


def _layer(signed: Activation, found: Activation, slack: float) -> Iterator[tuple[str, str, str]]:
    for field, was, must in differences(
        signed.model_dump(mode="json"), found.model_dump(mode="json")
    ):
        one, other = getattr(signed, field), getattr(found, field)
        if field in {"risk", "log_spread"} and one is not None and other is not None:
            scale = other if field == "risk" else NANO
            if abs(one - other) <= slack * scale:
                continue
        yield field, was, must


def _passes(evidence: Evidence, again: Evidence, tolerance: Tolerance) -> Iterator[Finding]:
    """What the guard windows were scored at again, and that they were."""
    for name in GUARD_COLUMNS:
        signed, found = getattr(evidence, name), getattr(again, name)
        if signed is None:
            continue
        what = f"guard windows: {_WORDS[name]}"
        if found is None or found.shape != signed.shape:
            yield _refused(what, f"{signed.size} rows", "none" if found is None else "others")
            continue
        pair = _Pair(0, evidence.windows[0], {name: signed}, {name: found}, 1)
        limit, mean = tolerance.token(), tolerance.mean(len(signed))
        for finding in _column(pair, name, 2 * limit, 2 * mean):
            yield finding.model_copy(
                update={"what": finding.what.replace(_name(pair), "guard windows")}
            )


def _name(pair: _Pair) -> str:
    return f"window {pair.at} (document `{pair.window.document}`)"


def _value(number: int) -> str:
    return "not finite" if int(number) == NON_FINITE else nats(int(number))


def nats(units: int) -> str:
    """``units`` of 1e-9 as text; numbers of log-loss are in nats, changes of probability of 1."""
    return f"{units / NANO:.6g}"


def _refused(what: str, found: str, expected: str) -> Finding:
    return refused(Level.REPRODUCED, "E430", what, found=found, expected=expected)
