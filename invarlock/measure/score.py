"""Per-token numbers of one arm, and between the arms, in chunks of rows.

Shapes are the same in both processes (same batches, same chunks, same head code), so identical
weights give identical digits: KL and Δp are then exactly zero and agreement is exactly one.
Sums over the vocabulary are float32 (pairwise); what remains per token is float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from invarlock.canonical import NON_FINITE
from invarlock.errors import SafetyRefusal
from invarlock.evidence.model import Int64s, Layout
from invarlock.measure.fixed import to_nano
from invarlock.measure.head import Head
from invarlock.measure.job import BATCH, CHUNK
from invarlock.measure.tasks.causal_lm import CausalFeed
from invarlock.measure.tasks.protocol import ChoiceFeed, Feed

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

STRIP: Final = 3 << 18
"""Logits that pass all element-wise steps together, so that they stay in a cache; whole rows."""

Doubles = NDArray[np.float64]
Tick = Callable[[int], None]


def _silent(done: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A model, its head split off (``None``: the architecture has no tested split), and how windows
    are run: ``feed`` where rows are tokens, ``choices`` where they are choices or labels."""

    model: PreTrainedModel
    head: Head | None
    feed: Feed = field(default_factory=CausalFeed)
    choices: ChoiceFeed | None = None

    def states(self, part: Layout) -> Tensor:
        """Hidden states that predict the scored tokens: (rows, width), in memory of their own."""
        return self.feed.states(self.model, part)


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """Logits of some rows with what their softmax needs, each per row in float64.

    ``first`` is the first token of the largest logit, ``powers`` is exp(logits - peak), ``total``
    its sum, ``loss`` the log-loss of the true token.
    """

    logits: Tensor
    first: Tensor
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
            for rows, truth in _chunks(states, _truth(batch)):
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


def _pair(body: Body, baseline: Pairing, batch: Layout) -> Iterator[tuple[Doubles, ...]]:
    """The columns of one batch, strip by strip."""
    head = baseline.head
    if body.head is None:
        return
    theirs, truths = _read_states(baseline.hidden, batch.rows, head.width), _truth(batch)
    ours = _pieces(body.states(batch), CHUNK)
    for (rows, truth), mine in zip(_chunks(theirs, truths), ours, strict=True):
        both = head.logits(rows), body.head.logits(mine), truth
        step = _rows_of_a_strip(head.vocabulary)
        for strip in zip(*(_pieces(whole, step) for whole in both), strict=True):
            yield _compare(*strip)


def normalise(logits: Tensor, truth: Tensor) -> Normalised:
    """Softmax pieces and log-loss of ``logits`` (n, vocabulary) at the true tokens (n,)."""
    import torch

    # numpy searches a row many times faster than torch; both take NaN for the largest.
    first = torch.from_numpy(logits.numpy().argmax(axis=1))
    peak = logits.gather(1, first.unsqueeze(1))
    powers = (logits - peak).exp_()
    total = powers.sum(dim=1).double()
    hit = logits.gather(1, truth.unsqueeze(1)).squeeze(1).double()
    top = peak.squeeze(1).double()
    return Normalised(logits, first, powers, top, total, (top - hit) + total.log())


def _compare(theirs: Tensor, ours: Tensor, truth: Tensor) -> tuple[Doubles, ...]:
    """Log-losses of both, KL, Δp and agreement of some rows; consumes both tensors of logits."""
    import torch

    subject, baseline = normalise(ours, truth), normalise(theirs, truth)
    same = (subject.first == baseline.first).double()
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
    step = _rows_of_a_strip(logits.shape[1])
    strips = zip(_pieces(logits, step), _pieces(truth, step), strict=True)
    return np.concatenate([normalise(*strip).loss.numpy() for strip in strips])


def token_losses(body: Body, layout: Layout) -> Doubles:
    """Log-loss of every row in nats, (rows,), without a tick; of no use to another arm."""
    losses: list[Doubles] = []
    for batch in _batches(layout, _silent, None):
        if body.head is None:
            losses.append(_whole_losses(body, batch))
            continue
        for rows, truth in _chunks(body.states(batch), _truth(batch)):
            losses.append(_losses(body.head.logits(rows), truth))
    return np.concatenate(losses)


def score_choices(
    body: Body, layout: Layout, tick: Tick = _silent, *, seam: int | None = None
) -> Int64s:
    """−log-likelihood of every choice or label in 1e-9 nats, (rows,).

    Raises :class:`TypeError` for a body that scores tokens.
    """
    import torch

    if body.choices is None:
        raise TypeError("this body's rows are tokens")
    with torch.inference_mode():
        parts = [body.choices.losses(body, batch) for batch in _batches(layout, tick, seam)]
    return to_nano(np.concatenate(parts))


def _rows_of_a_strip(vocabulary: int) -> int:
    """By the baseline's vocabulary in both processes: so each row is summed in the same company."""
    return max(1, STRIP // vocabulary)


def _whole_losses(body: Body, batch: Layout) -> Doubles:
    """Log-losses through the model's own head, a window at a time."""
    windows = (batch.part(index, index + 1) for index in range(len(batch)))
    return np.concatenate([_losses(body.feed.logits(body.model, w), _truth(w)) for w in windows])


def _truth(batch: Layout) -> Tensor:
    import torch

    return torch.from_numpy(batch.truth.astype(np.int64))


def _batches(layout: Layout, tick: Tick, seam: int | None) -> Iterator[Layout]:
    """Some windows at a time; no batch holds windows from both sides of ``seam``."""
    count = len(layout)
    at = count if seam is None else seam
    for first, end in ((0, at), (at, count)):
        for start in range(first, end, BATCH):
            stop = min(start + BATCH, end)
            yield layout.part(start, stop)
            tick(stop)


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
