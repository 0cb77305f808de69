"""Per-token numbers of one arm, and between the arms, in chunks of rows.

Shapes are the same in both processes (same batches, same chunks, same head code), so identical
weights give identical digits: KL and Δp are then exactly zero and agreement is exactly one.
Sums over the vocabulary are float32 (pairwise); what remains per token is float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NON_FINITE
from invarlock.errors import SafetyRefusal
from invarlock.evidence.model import Int64s, Layout
from invarlock.measure.fixed import to_nano
from invarlock.measure.head import Head, hidden_states, whole_logits
from invarlock.measure.job import BATCH

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

CHUNK: Final = 128
"""Rows of logits held at a time: few, so that they stay in a cache between the steps."""
STRIP: Final = 16
"""Rows of logits that pass all element-wise steps together, so that they stay in a cache."""

Doubles = NDArray[np.float64]
Tick = Callable[[int], None]


def _silent(done: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A model, and its head split off (``None``: the architecture has no tested split)."""

    model: PreTrainedModel
    head: Head | None

    def states(self, batch: Batch) -> Tensor:
        """Hidden states that predict the scored tokens: (rows, width), in memory of their own.

        The last token of a batch's longest windows predicts nothing that is scored, so it is not
        run.
        """
        states = hidden_states(self.model, batch.ids[:, :-1])
        return states[batch.windows, batch.positions - 1]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Windows that pass the body together.

    Attributes:
        ids: token ids, (windows, longest), shorter windows filled up at their end. A model that
            predicts from the past alone does not see that.
        windows: the window of each row by its place in the batch, (rows,).
        positions: the position of the token that each row scores, (rows,).
        truth: that token, (rows,).
    """

    ids: Tensor
    windows: Tensor
    positions: Tensor
    truth: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """Logits of some rows with what their softmax needs, each per row in float64.

    ``powers`` is exp(logits - peak), ``total`` its sum, ``loss`` the log-loss of the true token.
    """

    logits: Tensor
    powers: Tensor
    peak: Tensor
    total: Tensor
    loss: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """What the subject's process knows of the baseline: its head, its last hidden states as
    :func:`score_baseline` wrote them, and its log-losses in 1e-9 nats, (rows,)."""

    head: Head
    hidden: IO[bytes]
    losses: Int64s


def score_baseline(
    body: Body,
    layout: Layout,
    hidden: IO[bytes],
    tick: Tick = _silent,
    *,
    seam: int | None = None,
) -> Int64s:
    """Log-loss of every scored token in 1e-9 nats, (rows,); hidden states go to ``hidden``.

    ``tick`` is told how many windows are done; batches are counted anew after ``seam`` windows.
    """
    import torch

    losses: list[Doubles] = []
    with torch.inference_mode():
        for batch in _batches(layout, tick, seam):
            if body.head is None:
                losses.append(_whole_losses(body, batch))
                continue
            states = body.states(batch)
            hidden.write(states.numpy().astype("<f4", copy=False).data)
            for rows, truth in _chunks(states, batch.truth):
                losses.append(_losses(body.head.logits(rows), truth))
    return to_nano(np.concatenate(losses))


def score_subject(
    body: Body,
    layout: Layout,
    baseline: Pairing | None,
    tick: Tick = _silent,
    *,
    seam: int | None = None,
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Log-loss, KL(baseline‖subject), Δp and top-1 agreement of every scored token, each (rows,).

    Without a split of either head all but the log-loss are flagged; with vocabularies of two
    sizes, KL is. Raises :class:`SafetyRefusal` E001 when the baseline's hidden states do not fit
    the windows, or do not give its log-losses again.
    """
    import torch

    batches = _batches(layout, tick, seam)
    if body.head is None or baseline is None:
        with torch.inference_mode():
            loss = np.concatenate([_whole_losses(body, each) for each in batches])
        flags = np.full(loss.shape, NON_FINITE, dtype=np.int64)
        return to_nano(loss), flags, flags, flags
    with torch.inference_mode():
        parts = [part for each in batches for part in _pair(body, baseline, each)]
    theirs, loss, kl, delta_p, top1 = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    if baseline.hidden.read(1):
        raise _unpaired("`hidden.f32` does not fit the windows")
    if not np.array_equal(to_nano(theirs), baseline.losses):
        raise _unpaired("`hidden.f32` does not give the log-losses of `baseline.i64`")
    agreement = np.where(np.isnan(top1), NON_FINITE, np.nan_to_num(top1)).astype(np.int64)
    return to_nano(loss), to_nano(kl), to_nano(delta_p), agreement


def _pair(body: Body, baseline: Pairing, batch: Batch) -> Iterator[tuple[Doubles, ...]]:
    """The columns of one batch, strip by strip."""
    head = baseline.head
    if body.head is None:
        return
    theirs = _read_states(baseline.hidden, len(batch.truth), head.width)
    ours = _pieces(body.states(batch), CHUNK)
    for (rows, truth), mine in zip(_chunks(theirs, batch.truth), ours, strict=True):
        both = head.logits(rows), body.head.logits(mine), truth
        for strip in zip(*(_pieces(whole, STRIP) for whole in both), strict=True):
            yield _compare(*strip)


def normalise(logits: Tensor, truth: Tensor) -> Normalised:
    """Softmax pieces and log-loss of ``logits`` (n, vocabulary) at the true tokens (n,)."""
    peak = logits.amax(dim=1, keepdim=True)
    powers = (logits - peak).exp_()
    total = powers.sum(dim=1).double()
    hit = logits.gather(1, truth.unsqueeze(1)).squeeze(1).double()
    top = peak.squeeze(1).double()
    return Normalised(logits, powers, top, total, (top - hit) + total.log())


def _compare(theirs: Tensor, ours: Tensor, truth: Tensor) -> tuple[Doubles, ...]:
    """Log-losses of both, KL, Δp and agreement of some rows; consumes both tensors of logits."""
    import torch

    subject, baseline = normalise(ours, truth), normalise(theirs, truth)
    # numpy searches a row many times faster; both take the first of equals.
    first = (logits.numpy().argmax(axis=1) for logits in (theirs, ours))
    same = torch.from_numpy(np.equal(*first)).double()
    broken = ~(torch.isfinite(subject.loss) & torch.isfinite(baseline.loss))
    delta_p = (-subject.loss).exp() - (-baseline.loss).exp()
    kl = torch.full_like(subject.loss, torch.nan)
    if theirs.shape == ours.shape:
        kl = _divergence(baseline, subject)
    for column in (same, delta_p, kl):
        column.masked_fill_(broken, torch.nan)
    return baseline.loss.numpy(), subject.loss.numpy(), kl.numpy(), delta_p.numpy(), same.numpy()


def _divergence(baseline: Normalised, subject: Normalised) -> Tensor:
    """KL(baseline‖subject) = Σ p·(zᵇ − zˢ) − (lseᵇ − lseˢ), never below zero (rounding aside)."""
    gap = (baseline.logits.sub_(subject.logits)).mul_(baseline.powers).sum(dim=1).double()
    lse = (baseline.peak - subject.peak) + (baseline.total.log() - subject.total.log())
    return (gap / baseline.total - lse).clamp_(min=0.0)


def _losses(logits: Tensor, truth: Tensor) -> Doubles:
    strips = zip(_pieces(logits, STRIP), _pieces(truth, STRIP), strict=True)
    return np.concatenate([normalise(*strip).loss.numpy() for strip in strips])


def _whole_losses(body: Body, batch: Batch) -> Doubles:
    """Log-losses through the model's own head, a window at a time."""
    parts = []
    for index in range(batch.ids.shape[0]):
        own = batch.windows == index
        logits = whole_logits(body.model, batch.ids[index : index + 1])[0].float()
        parts.append(_losses(logits[batch.positions[own] - 1], batch.truth[own]))
    return np.concatenate(parts)


def _batches(layout: Layout, tick: Tick, seam: int | None) -> Iterator[Batch]:
    """Some windows at a time; no batch holds windows from both sides of ``seam``."""
    count = len(layout)
    at = count if seam is None else seam
    for first, end in ((0, at), (at, count)):
        for start in range(first, end, BATCH):
            stop = min(start + BATCH, end)
            yield _batch(layout.part(start, stop))
            tick(stop)


def _batch(part: Layout) -> Batch:
    import torch

    within = np.arange(int(part.lengths.max())) < part.lengths[:, None]
    ids = np.zeros(within.shape, dtype=np.int64)
    ids[within] = part.tokens
    windows, positions = part.owners, part.positions.astype(np.int64)
    truth = ids[windows, positions]
    return Batch(*(torch.from_numpy(array) for array in (ids, windows, positions, truth)))


def _chunks(states: Tensor, truth: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(_pieces(states, CHUNK), _pieces(truth, CHUNK), strict=True)


def _pieces(whole: Tensor, step: int) -> Iterator[Tensor]:
    for start in range(0, whole.shape[0], step):
        yield whole[start : start + step]


def _read_states(hidden: IO[bytes], rows: int, width: int) -> Tensor:
    import torch

    states = torch.empty((rows, width), dtype=torch.float32)
    view = states.numpy().data.cast("B")
    while view:
        data = hidden.read(len(view))
        if not data:
            raise _unpaired("`hidden.f32` does not fit the windows")
        view[: len(data)] = data
        view = view[len(data) :]
    return states


def _unpaired(what: str) -> SafetyRefusal:
    return SafetyRefusal("E001", what, "measure the baseline anew, on this machine")
