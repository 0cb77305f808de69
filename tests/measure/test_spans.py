"""An arm in parts: what spans of windows and shards of tensors leave is what the whole leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from invarlock.errors import SafetyRefusal
from invarlock.evidence.schema import Schedule
from invarlock.measure.arm import run_arm
from invarlock.measure.job import BATCH, Shard, Span, on_grid
from tests.measure.arms import HANDED_OVER, SEED, job, lay_out
from tests.measure.tiny import edited

DRAWN = ("windows.json", "windows.u32", "positions.u32")
COUNTS = {"preview": 6, "final": 20}
SPANS = [Span(start=0, stop=8), Span(start=8, stop=20), Span(start=20, stop=26)]


def left(folder: Path, name: str, columns: int = 1) -> np.ndarray:
    return np.fromfile(folder / name, "<u4").reshape(columns, -1)


@pytest.fixture(scope="module")
def parts(tiny: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Output folders: ``whole`` and ``0``, ``1``, ``2`` of the baseline, ``s…`` of the subject."""
    root = tmp_path_factory.mktemp("spans")
    subject = edited(tiny, root / "subject", lambda tensors: tensors["lm_head.weight"].__imul__(2))
    outs: dict[str, Path] = {}
    for name, span in [("whole", None), *((str(at), span) for at, span in enumerate(SPANS))]:
        drawn = name in {"1", "2"}
        shard = None if span is None else Shard(index=int(name), count=len(SPANS))
        changes = {} if shard is None else {"span": span, "tensors": shard}
        links = {"model": tiny, "data.jsonl": data}
        if drawn:  # the data are not there to be cut again
            links = {"model": tiny}
            links |= {file: outs["0"] / file for file in DRAWN}
        place = lay_out(root / name, links)
        answer = run_arm(job("baseline", drawn=drawn, **COUNTS, **changes), place)
        assert (answer.data is None) == drawn
        outs[name] = place.out
        links = {"model": subject, "baseline": tiny, "data.jsonl": data}
        links |= {file: place.out / file for file in HANDED_OVER}
        place = lay_out(root / f"s{name}", links)
        answer = run_arm(job("subject", drawn=True, **COUNTS, **changes), place)
        assert answer.subject_ids is not None
        assert len(answer.subject_ids) == (26 if span is None else span.windows)
        outs[f"s{name}"] = place.out
    return outs


def test_parts_are_bit_equal_to_the_whole(parts: dict[str, Path]) -> None:
    for name in DRAWN:
        for part in ("0", "1", "2"):
            assert (parts[part] / name).read_bytes() == (parts["whole"] / name).read_bytes()
    for prefix, name, columns in (
        ("", "baseline.i64", 1),
        ("", "hidden.f32", 1),
        ("s", "subject.i64", 4),
    ):
        pieces = [left(parts[f"{prefix}{at}"], name, columns) for at in range(3)]
        whole = left(parts[f"{prefix}whole"], name, columns)
        assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    moved = np.fromfile(parts["swhole"] / "subject.i64", "<i8").reshape(4, -1)
    assert moved[1].any()


def test_every_tensor_is_read_by_one_shard(parts: dict[str, Path]) -> None:
    import json

    whole = json.loads((parts["whole"] / "baseline.tensors.json").read_text())
    pieces = [json.loads((parts[str(at)] / "baseline.tensors.json").read_text()) for at in range(3)]
    assert all(pieces)
    assert sorted((t for piece in pieces for t in piece), key=lambda t: t["name"]) == whole


def test_nothing_to_score_loads_no_model_and_still_draws(
    tiny: Path, data: Path, parts: dict[str, Path], tmp_path: Path
) -> None:
    said: list[str] = []
    place = lay_out(tmp_path, {"model": tiny, "data.jsonl": data}, said)
    nothing = Span(start=0, stop=0)
    run_arm(job("baseline", span=nothing, tensors=None, **COUNTS), place)
    assert (place.out / "windows.json").read_bytes() == (
        parts["whole"] / "windows.json"
    ).read_bytes()
    assert (place.out / "baseline.i64").read_bytes() == b""
    assert (place.out / "baseline.tensors.json").read_bytes() == b"[]"


def test_a_span_given_another_spans_states_is_refused(
    tiny: Path, data: Path, parts: dict[str, Path], tmp_path: Path
) -> None:
    links = {"model": tiny, "baseline": tiny, "data.jsonl": data}
    links |= {file: parts["0"] / file for file in HANDED_OVER}
    with pytest.raises(SafetyRefusal) as caught:
        run_arm(job("subject", drawn=True, span=SPANS[1], **COUNTS), lay_out(tmp_path, links))
    assert caught.value.code == "E001"


def test_spans_start_and_stop_where_batches_do() -> None:
    schedule = Schedule(seed=SEED, preview=2 * BATCH + 3, final=BATCH + 4)
    marks = [at for at in range(60) if on_grid(at, schedule)]
    assert marks == [0, 8, 12, 20, 28, 31]
    for span in (Span(start=1, stop=8), Span(start=0, stop=32)):
        with pytest.raises(ValidationError):
            job("baseline", preview=19, final=12, span=span)
    with pytest.raises(ValidationError):
        Span(start=8, stop=0)
    with pytest.raises(ValidationError):
        Shard(index=2, count=2)
