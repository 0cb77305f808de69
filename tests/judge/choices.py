"""Synthetic evidence of tasks that choose: what each arm answers, as tests like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from invarlock.canonical import NANO
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Contract
from invarlock.judge import contract_of
from invarlock.policy.ir import BarIR
from tests.builders import Synthetic, make_bar

CHOICES = 4


def choice_bar(*gates: object, items: int = 40, **settings: str) -> BarIR:
    """A bar for multiple choice with floors under its windows."""
    bar = make_bar(*gates, final=items, preview=0, **settings)  # type: ignore[arg-type]
    return replace(bar, task="multiple_choice")


def choices(
    baseline: Sequence[bool],
    subject: Sequence[bool],
    task: Literal["multiple_choice", "classification"] = "multiple_choice",
) -> tuple[Evidence, Contract]:
    """Evidence in which each arm is right where it says, by items that are documents."""
    count = len(baseline)
    bar = make_bar(final=count, preview=0)
    evidence = Synthetic(bar=bar, documents=count + 4, per_document=1).evidence()
    windows = tuple(
        window.model_copy(update={"rows": CHOICES, "answer": at % CHOICES, "sizes": (3, 4, 5, 6)})
        for at, window in enumerate(evidence.windows)
    )
    contract = contract_of(bar).model_copy(update={"task": task})
    return (
        replace(
            evidence,
            header=evidence.header.model_copy(update={"contract": contract}),
            windows=windows,
            positions=np.tile(np.arange(1, CHOICES + 1, dtype="<u4"), count),
            baseline_loss=losses(baseline),
            loss=losses(subject),
            kl=None,
            delta_p=None,
            top1=None,
        ),
        contract,
    )


def losses(right: Sequence[bool]) -> np.ndarray:  # type: ignore[type-arg]  # int64
    """−log-likelihoods of which the least is that of the answer, or of the choice after it."""
    out = np.full((len(right), CHOICES), 5 * NANO, dtype=np.int64)
    for at, good in enumerate(right):
        out[at, (at + (not good)) % CHOICES] = NANO
    return out.reshape(-1)
