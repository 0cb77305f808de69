"""What a bar asks to be measured: the measurement contract, and the smallest schedule."""

from __future__ import annotations

from typing import Literal, cast

from invarlock.errors import UsageFault
from invarlock.evidence.schedule import schedule_seed
from invarlock.evidence.schema import (
    Contract,
    Digest,
    EstimateContract,
    Schedule,
    WindowContract,
)
from invarlock.policy.catalogue import DEFAULT_RESAMPLES, MINIMUM_DOCUMENTS
from invarlock.policy.floors import final_windows, floor, needs_preview
from invarlock.policy.ir import BarIR


def contract_of(bar: BarIR) -> Contract:
    """The measurement contract of ``bar``: its settings, and as few resamples as it allows."""
    settings = bar.settings
    resamples = floor(bar, "estimate.resamples")
    return Contract(
        task=cast(Literal["causal_lm"], bar.task),
        windows=WindowContract(
            schedule=cast(Literal["baseline"], settings["windows.schedule"]),
            length=int(settings["windows.length"]),
        ),
        estimate=EstimateContract(
            interval=cast(Literal["bca"], settings["estimate.interval"]),
            confidence=settings["estimate.confidence"],
            seed=int(settings["estimate.seed"]),
            resample=cast(Literal["document"], settings["estimate.resample"]),
            resamples=DEFAULT_RESAMPLES if resamples is None else max(1, resamples),
            minimum_documents=MINIMUM_DOCUMENTS,
        ),
    )


def schedule_of(bar: BarIR, seed: Digest) -> Schedule:
    """The smallest schedule that satisfies the floors of ``bar`` exactly.

    Raises :class:`UsageFault` E004 where the bar sets no floor under its final windows, or gates
    drift without a floor under its preview windows.
    """
    final = final_windows(bar)
    if final < 1:
        raise UsageFault(
            "E004",
            "the bar sets no floor under `windows.final`",
            "choose a profile that requires `windows.final`",
        )
    needy = needs_preview(bar)
    if needy is not None:
        raise UsageFault(
            "E004",
            f"the bar gates `{needy.measure}` and sets no floor under `windows.preview`",
            "choose a profile that requires `windows.preview`",
        )
    return Schedule(seed=seed, preview=floor(bar, "windows.preview") or 0, final=final)


def demanded(bar: BarIR, data: Digest) -> tuple[Contract, Schedule]:
    """The contract and the schedule that evidence of ``data`` taken for ``bar`` must have.

    Raises :class:`UsageFault` E004 as :func:`schedule_of` does.
    """
    return contract_of(bar), schedule_of(bar, schedule_seed(bar.digest, data))


def same_measurement(left: Contract, right: Contract) -> bool:
    """Whether evidence taken under one contract can be judged under the other.

    The settings of ``estimate`` come from the bar being judged and are left out.
    """
    how = {"estimate"}
    return left.model_dump(exclude=how) == right.model_dump(exclude=how)
