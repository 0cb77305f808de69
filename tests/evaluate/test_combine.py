"""Cutting spans and rows, and putting parts together."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from invarlock.errors import SafetyRefusal
from invarlock.evaluate.combine import cut, joined
from invarlock.evaluate.inputs import Measured
from invarlock.evaluate.session import shared
from invarlock.evidence.schema import Schedule
from invarlock.measure.job import ArmAnswer, Span, on_grid

SCHEDULE = Schedule(seed="sha256:" + "5" * 64, preview=19, final=20)


def span(start: int, stop: int) -> Span:
    return Span(start=start, stop=stop)


@pytest.mark.parametrize("whole", [span(0, 39), span(8, 20), span(20, 39), span(16, 28)])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_workers_share_a_span_on_the_grid(whole: Span, count: int) -> None:
    shares = shared(whole, SCHEDULE, count)
    assert len(shares) == count
    assert (shares[0].start, shares[-1].stop) == (whole.start, whole.stop)
    for one, following in pairwise(shares):
        assert one.stop == following.start
    assert all(on_grid(share.stop, SCHEDULE) for share in shares)
    if count == 2:
        assert abs(shares[0].windows - shares[1].windows) <= 8


def test_rows_are_cut_from_every_column() -> None:
    table = np.arange(24, dtype="<i8").reshape(2, 12)
    assert cut(table.tobytes(), 12, (3, 7), columns=2) == table[:, 3:7].tobytes()
    wide = np.arange(36, dtype="<f4").reshape(12, 3)
    assert cut(wide.tobytes(), 12, (3, 7)) == wide[3:7].tobytes()
    assert cut(b"", 12, (3, 7)) == b""
    with pytest.raises(SafetyRefusal) as caught:
        cut(table.tobytes()[:-1], 12, (3, 7))
    assert caught.value.code == "E303"


def part(folder: Path, start: int, stop: int, **facts: object) -> Measured:
    folder.mkdir()
    rows = np.arange(start, stop, dtype="<i8")
    (folder / "subject.i64").write_bytes(np.stack([rows, rows, rows, rows]).tobytes())
    (folder / "subject.tensors.json").write_bytes(b"[]")
    first = start == 0
    (folder / "guards.i64").write_bytes(np.arange(6, dtype="<i8").tobytes() if first else b"")
    times = b'{"guarded": [30], "bare": [20]}' if first else b'{"guarded": [], "bare": [1]}'
    (folder / "overhead.json").write_bytes(times)
    answer = ArmAnswer.model_validate(
        {"arm": "subject", "timings": {"score": 2}, "subject_ids": (None,) * (stop - start)} | facts
    )
    files = {path.name: path for path in folder.iterdir()}
    return Measured((span(start, stop),), answer, (), files)


def test_parts_are_joined_in_the_order_of_windows(tmp_path: Path) -> None:
    late, early = part(tmp_path / "b", 8, 16), part(tmp_path / "a", 0, 8)
    whole = joined("causal_lm", [late, early], tmp_path / "whole")
    assert whole.spans == (span(0, 16),)
    columns = np.frombuffer(whole.read("subject.i64"), "<i8").reshape(4, 16)
    assert np.array_equal(columns, np.tile(np.arange(16), (4, 1)))
    assert whole.answer.timings == {"score": 4}
    assert whole.answer.subject_ids == (None,) * 16
    assert whole.read("guards.i64") == np.arange(6, dtype="<i8").tobytes()
    assert whole.read("overhead.json") == b'{"bare":[20],"guarded":[30]}'
    apart = joined("causal_lm", [part(tmp_path / "c", 20, 22), early], tmp_path / "apart")
    assert apart.spans == (span(0, 8), span(20, 22))


@pytest.mark.parametrize("facts", [{"threads": 2}, {"packages": {"torch": "1"}}])
def test_parts_that_tell_other_facts_are_refused(tmp_path: Path, facts: dict[str, object]) -> None:
    parts = [part(tmp_path / "a", 0, 8), part(tmp_path / "b", 8, 16, **facts)]
    with pytest.raises(SafetyRefusal) as caught:
        joined("causal_lm", parts, tmp_path / "whole")
    assert caught.value.code == "E303"


@pytest.mark.parametrize(
    "name", ["subject.i64", "subject.tensors.json", "guards.i64", "overhead.json"]
)
def test_parts_that_cannot_be_joined_are_refused(tmp_path: Path, name: str) -> None:
    parts = [part(tmp_path / "a", 0, 8), part(tmp_path / "b", 8, 16)]
    parts[1].files[name].write_bytes(b"[{}]")
    with pytest.raises(SafetyRefusal) as caught:
        joined("causal_lm", parts, tmp_path / "whole")
    assert caught.value.code == "E303"
