"""What parts of an arm left, cut and put together in the order of the windows.

A part's files are as untrusted as the model that its boundary ran: they are cut and joined only
where their sizes say they can be, and what comes of it is read as evidence like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from invarlock.errors import SafetyRefusal
from invarlock.evaluate.inputs import DRAWN, Measured
from invarlock.evaluate.run_folder import write_file
from invarlock.evidence.schema import (
    COLUMNS,
    GUARD_COLUMNS,
    Activation,
    Overhead,
    Task,
    Tensor,
    Window,
)
from invarlock.evidence.store import encode_activations, encode_overhead, encode_tensors
from invarlock.measure.job import ArmAnswer, Span

_T = TypeVar("_T")
_WINDOWS: Final = TypeAdapter(tuple[Window, ...])
_TENSORS: Final = TypeAdapter(tuple[Tensor, ...])
_LAYERS: Final = TypeAdapter(tuple[Activation, ...])


def windows_of(baseline: Measured) -> tuple[Window, ...]:
    """All windows of the schedule, as the baseline's arm drew them.

    Raises :class:`SafetyRefusal` E303 when the file does not fit the schema.
    """
    try:
        return _WINDOWS.validate_json(baseline.read("windows.json"))
    except ValidationError as err:
        raise unusable("windows.json") from err


def cuts(sizes: Iterable[int]) -> list[int]:
    """Where each of some runs that follow one another begins; last, where all end."""
    return list(accumulate(sizes, initial=0))


def cut(data: bytes, rows: int, part: tuple[int, int], columns: int = 1) -> bytes:
    """Rows ``part`` (first, last + 1) of ``columns`` runs of ``rows`` rows, one after the other.

    Raises :class:`SafetyRefusal` E303 when ``data`` is of no whole rows.
    """
    if not data:
        return b""
    if not rows or len(data) % (rows * columns):
        raise unusable("rows")
    return np.frombuffer(data, "u1").reshape(columns, rows, -1)[:, part[0] : part[1]].tobytes()


def joined(
    task: Task, parts: Sequence[Measured], folder: Path, *, but: Collection[str] = ()
) -> Measured:
    """One arm's parts as one; its files go to the new ``folder``, ``but`` some.

    Parts have no window in common. Raises :class:`SafetyRefusal` E303 when they do not fit.
    """
    if len(parts) == 1:
        return parts[0]
    ordered = sorted(parts, key=lambda part: part.spans[0].start)
    folder.mkdir(mode=0o700)
    files = {name: path for name, path in parts[0].files.items() if name in DRAWN}
    for name in sorted(set(parts[0].files) - {*DRAWN, *but}):
        data = _records(ordered, name) if name.endswith(".json") else _rows(task, ordered, name)
        write_file(folder / name, data)
        files[name] = folder / name
    return Measured(
        spans=_touching(span for part in ordered for span in part.spans),
        answer=_answer(parts, ordered),
        runtimes=tuple(runtime for part in parts for runtime in part.runtimes),
        files=files,
    )


def _rows(task: Task, parts: Iterable[Measured], name: str) -> bytes:
    stored = COLUMNS[task]
    runs = {
        "baseline.i64": len(stored.baseline),
        "subject.i64": len(stored.subject),
        "guards.i64": len(GUARD_COLUMNS),
    }
    columns = runs.get(name, 1)
    read = [np.frombuffer(_whole(part, name, 4 * columns), "<u4") for part in parts]
    return np.concatenate([data.reshape(columns, -1) for data in read], axis=1).tobytes()


def _whole(part: Measured, name: str, unit: int) -> bytes:
    data = part.read(name)
    if len(data) % unit:
        raise unusable(name)
    return data


def _records(parts: Iterable[Measured], name: str) -> bytes:
    """Records of tensors, or of layers, which only the part with the guard windows has."""
    try:
        if name == "overhead.json":
            return _overhead([Overhead.model_validate_json(part.read(name)) for part in parts])
        if name.endswith(".activations.json"):
            return encode_activations(
                [layer for part in parts for layer in _LAYERS.validate_json(part.read(name))]
            )
        return encode_tensors(
            [record for part in parts for record in _TENSORS.validate_json(part.read(name))]
        )
    except ValidationError as err:
        raise unusable(name) from err


def _overhead(found: Sequence[Overhead]) -> bytes:
    """Of the part that the guards watched: how long others took elsewhere does not compare."""
    return encode_overhead(next((one for one in found if one.guarded), found[0]))


def _touching(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch made one."""
    out: list[Span] = []
    for span in spans:
        if out and out[-1].stop == span.start:
            out[-1] = Span(start=out[-1].start, stop=span.stop)
        elif span.windows:
            out.append(span)
    return tuple(out)


def _answer(parts: Sequence[Measured], ordered: Sequence[Measured]) -> ArmAnswer:
    """One answer for all: facts that must be the same, ids in order, times added up."""
    first = parts[0].answer
    alike = {"tokenizer", "device", "threads", "packages", "arm"}
    kernels: dict[str, str] = {}
    for part in parts:
        same = part.answer.model_dump(include=alike) == first.model_dump(include=alike)
        kernels = kernels or part.answer.kernels  # none where nothing was scored
        if not same or part.answer.kernels not in ({}, kernels):
            raise unusable("the parts of an arm")
    times: dict[str, int] = {}
    for part in parts:
        for phase, spent in part.answer.timings.items():
            times[phase] = times.get(phase, 0) + spent
    ids = None
    if first.subject_ids is not None:
        ids = tuple(found for part in ordered for found in part.answer.subject_ids or ())
    update = {"timings": times, "subject_ids": ids, "kernels": kernels}
    return first.model_copy(update=update)


def required(value: _T | None, name: str) -> _T:
    """``value``, which a boundary must have given. Raises :class:`SafetyRefusal` E303."""
    if value is None:
        raise unusable(name)
    return value


def unusable(name: str) -> SafetyRefusal:
    """E303 for what a boundary left under ``name``."""
    return SafetyRefusal(
        "E303", f"the boundary's answer cannot be used: `{name}` does not fit", "run again"
    )
