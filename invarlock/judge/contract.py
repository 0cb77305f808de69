"""What a bar asks to be measured: the measurement contract, and the smallest schedule."""

from __future__ import annotations

from typing import Literal, cast

from invarlock.errors import UsageFault
from invarlock.evidence.looks import too_few_for
from invarlock.evidence.schedule import schedule_seed
from invarlock.evidence.schema import (
    Beacon,
    CapsContract,
    Contract,
    Digest,
    Dtype,
    EstimateContract,
    Scales,
    Schedule,
    Task,
    WindowContract,
)
from invarlock.policy.catalogue import DEFAULT_RESAMPLES, FAMILIES
from invarlock.policy.floors import final_windows, floor, masked_tokens, needs_preview
from invarlock.policy.ir import BarIR


def contract_of(bar: BarIR) -> Contract:
    """The measurement contract of ``bar``: its settings, and as few resamples as it allows."""
    settings = bar.settings
    resamples = floor(bar, "estimate.resamples")
    masked = masked_tokens(int(settings["windows.length"])) if bar.task == "masked_lm" else None
    return Contract(
        task=cast(Task, bar.task),
        windows=WindowContract(
            schedule=cast(Literal["baseline"], settings["windows.schedule"]),
            length=int(settings["windows.length"]),
            beacon=cast(Literal["none", "required"], settings["windows.beacon"]),
            content=cast(Literal["text", "chat"], settings["windows.content"]),
            masked=masked,
            masks=None if masked is None else "shake256",
        ),
        dtype=cast(Dtype, settings["model.dtype"]),
        estimate=EstimateContract(
            interval=cast(Literal["bca"], settings["estimate.interval"]),
            confidence=settings["estimate.confidence"],
            seed=int(settings["estimate.seed"]),
            resample=cast(Literal["document"], settings["estimate.resample"]),
            resamples=DEFAULT_RESAMPLES if resamples is None else max(1, resamples),
            minimum_documents=int(settings["estimate.minimum"]),
            looks=int(settings["estimate.looks"]),
            spending=cast(
                Literal["none", "obrien_fleming", "pocock"], settings["estimate.spending"]
            ),
            normalise=cast(Literal["none", "bytes"], settings["estimate.normalise"]),
        ),
        caps=CapsContract(
            correction=cast(Literal["bh", "bonferroni"], settings["spectral.correction"]),
            level=settings["spectral.level"],
            scale=Scales(**{name: settings[f"spectral.scale.{name}"] for name in FAMILIES}),
        ),
    )


def schedule_of(
    bar: BarIR, seed: Digest, beacon: Beacon | None = None, look: int | None = None
) -> Schedule:
    """The smallest schedule that satisfies the floors of ``bar`` exactly, seen at ``look``, which
    is the last one where there is none such.

    Raises :class:`UsageFault` E004 where the bar sets no floor under its final windows, gates
    drift without a floor under its preview windows, or plans more looks than its windows allow.
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
    preview = floor(bar, "windows.preview") or 0
    looks = int(bar.settings["estimate.looks"])
    if looks > 1 and too_few_for(final, looks):
        raise UsageFault(
            "E004",
            f"{final} final windows are too few for {looks} looks",
            "raise the floor under `windows.final`, or plan fewer looks",
        )
    at = looks if look is None or not 1 <= look <= looks else look
    return Schedule(seed=seed, preview=preview, final=final, beacon=beacon, look=at)


def check_beacon(bar: BarIR, beacon: Beacon | None) -> None:
    """Raise :class:`UsageFault` E005 unless there is a beacon if, and only if, ``bar`` asks.

    One that nobody asked for would be a seed that the producer chose.
    """
    if bar.settings["windows.beacon"] == "required":
        if beacon is None:
            hint = "pass --beacon, with what was made public after the subject was fixed"
            raise UsageFault("E005", "the bar asks for a beacon, and there is none", hint)
    elif beacon is not None:
        hint = "drop --beacon, or set `windows.beacon = required`"
        raise UsageFault("E005", "there is a beacon that the bar does not ask for", hint)


def demanded(
    bar: BarIR, data: Digest, beacon: Beacon | None, look: int | None = None
) -> tuple[Contract, Schedule]:
    """The contract and the schedule that evidence of ``data`` taken for ``bar`` must have, where
    ``beacon`` and ``look`` are those that the evidence names.

    Raises :class:`UsageFault` E004 as :func:`schedule_of` does, E005 as :func:`check_beacon`.
    """
    check_beacon(bar, beacon)
    seed = schedule_seed(bar.digest, data, beacon)
    return contract_of(bar), schedule_of(bar, seed, beacon, look)


def same_measurement(left: Contract, right: Contract) -> bool:
    """Whether evidence taken under one contract can be judged under the other.

    The settings of ``estimate`` and of caps come from the bar being judged and are left out, but
    for the looks that were planned: what stopped when it looked well is no sample for another plan.
    """
    how = {"estimate", "caps"}
    looks = {"looks", "spending"}
    return left.model_dump(exclude=how) == right.model_dump(exclude=how) and (
        left.estimate.model_dump(include=looks) == right.estimate.model_dump(include=looks)
    )
