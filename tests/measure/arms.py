"""Both arms in this process, without a boundary, on folders of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from invarlock.evidence.schema import (
    Activation,
    CapsContract,
    Contract,
    EstimateContract,
    Overhead,
    Scales,
    Schedule,
    Tensor,
    Window,
    WindowContract,
)
from invarlock.measure.arm import Place, run_arm
from invarlock.measure.job import ArmAnswer, ArmJob

SEED = "sha256:" + "5" * 64
HANDED_OVER = (
    "baseline.activations.json",
    "windows.json",
    "windows.u32",
    "positions.u32",
    "baseline.i64",
    "hidden.f32",
)


def contract(length: int = 16) -> Contract:
    return Contract(
        task="causal_lm",
        windows=WindowContract(schedule="baseline", length=length),
        estimate=EstimateContract(
            interval="bca",
            confidence="0.95",
            seed=7,
            resample="document",
            resamples=100,
            minimum_documents=2,
        ),
        caps=CapsContract(
            correction="bh",
            level="0.05",
            scale=Scales(attn="0.005", embed="0.005", ffn="0.005", other="0.005"),
        ),
    )


def job(
    arm: Any, *, preview: int = 6, final: int = 14, dtype: Any = "float32", **changes: Any
) -> ArmJob:
    schedule = Schedule(seed=SEED, preview=preview, final=final)
    terms = contract().model_copy(update={"dtype": dtype})
    return ArmJob(arm=arm, contract=terms, schedule=schedule, **{"threads": 2, **changes})


@dataclass(frozen=True)
class Outcome:
    """What both arms answered and measured; numbers in units of 1e-9."""

    baseline: ArmAnswer
    subject: ArmAnswer
    windows: tuple[Window, ...]
    tokens: np.ndarray
    baseline_loss: np.ndarray
    loss: np.ndarray
    kl: np.ndarray
    delta_p: np.ndarray
    top1: np.ndarray
    baseline_tensors: dict[str, Tensor]
    subject_tensors: dict[str, Tensor]
    baseline_layers: dict[str, Activation]
    subject_layers: dict[str, Activation]
    bare: np.ndarray
    scaled: np.ndarray
    overhead: Overhead
    baseline_said: tuple[str, ...]
    subject_said: tuple[str, ...]


def lay_out(place: Path, links: dict[str, Path], said: list[str] | None = None) -> Place:
    inputs, out = place / "in", place / "out"
    inputs.mkdir(parents=True)
    out.mkdir()
    for name, target in links.items():
        (inputs / name).symlink_to(target.resolve())
    return Place(inputs, out, ([] if said is None else said).append)


def measure(place: Path, baseline: Path, subject: Path, data: Path, **changes: Any) -> Outcome:
    """Run the baseline's arm, then the subject's on what it handed over."""
    said: tuple[list[str], list[str]] = ([], [])
    first = lay_out(place / "baseline", {"model": baseline, "data.jsonl": data}, said[0])
    one = run_arm(job("baseline", **changes), first)
    links = {"model": subject, "baseline": baseline, "data.jsonl": data}
    links |= {name: first.out / name for name in HANDED_OVER}
    second = lay_out(place / "subject", links, said[1])
    two = run_arm(job("subject", drawn=True, **changes), second)
    numbers = np.fromfile(second.out / "subject.i64", "<i8").reshape(4, -1)
    again = np.fromfile(second.out / "guards.i64", "<i8").reshape(2, -1)
    return Outcome(
        one,
        two,
        _windows(first.out / "windows.json"),
        np.fromfile(first.out / "windows.u32", "<u4").reshape(-1, 16),
        np.fromfile(first.out / "baseline.i64", "<i8"),
        *numbers,
        _tensors(first.out / "baseline.tensors.json"),
        _tensors(second.out / "subject.tensors.json"),
        _layers(first.out / "baseline.activations.json"),
        _layers(second.out / "subject.activations.json"),
        *again,
        Overhead.model_validate_json((second.out / "overhead.json").read_bytes()),
        tuple(said[0]),
        tuple(said[1]),
    )


def _windows(path: Path) -> tuple[Window, ...]:
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Window, ...]).validate_json(path.read_bytes())


def _layers(path: Path) -> dict[str, Activation]:
    from pydantic import TypeAdapter

    records = TypeAdapter(tuple[Activation, ...]).validate_json(path.read_bytes())
    return {record.name: record for record in records}


def _tensors(path: Path) -> dict[str, Tensor]:
    from pydantic import TypeAdapter

    records = TypeAdapter(tuple[Tensor, ...]).validate_json(path.read_bytes())
    return {record.name: record for record in records}
