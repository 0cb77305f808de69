"""Schedules follow from bar and data by content alone."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from invarlock.errors import Inconclusive
from invarlock.evidence.schedule import draw, schedule_key, schedule_seed, window_id
from invarlock.evidence.schema import Beacon, Schedule

BAR = "sha256:" + "a" * 64
DATA = "sha256:" + "b" * 64
IDS = [window_id([number, 7, 9]) for number in range(20)]


def _schedule(preview: int, final: int) -> Schedule:
    return Schedule(seed=schedule_seed(BAR, DATA), preview=preview, final=final)


def test_window_id_is_the_digest_of_little_endian_tokens() -> None:
    expected = hashlib.sha256(struct.pack("<3I", 1, 256, 70_000)).hexdigest()
    assert window_id([1, 256, 70_000]) == f"sha256:{expected}"


def test_seed_follows_from_bar_and_data() -> None:
    assert schedule_seed(BAR, DATA) == schedule_seed(BAR, DATA)
    assert schedule_seed(BAR, DATA) != schedule_seed(BAR, BAR)
    assert schedule_seed(BAR, DATA) != schedule_seed(DATA, BAR)


def test_a_beacon_changes_the_seed_by_its_value_alone() -> None:
    one, same, other = (
        Beacon(value=value, source=source)
        for value, source in ((BAR, "round 1"), (BAR, "elsewhere"), (DATA, "round 1"))
    )
    assert schedule_seed(BAR, DATA, one) != schedule_seed(BAR, DATA)
    assert schedule_seed(BAR, DATA, one) == schedule_seed(BAR, DATA, same)
    assert schedule_seed(BAR, DATA, one) != schedule_seed(BAR, DATA, other)


def test_key_is_the_digest_of_seed_and_id() -> None:
    seed = schedule_seed(BAR, DATA)
    expected = hashlib.sha256(f"{seed}\n{IDS[0]}".encode()).digest()
    assert schedule_key(seed, IDS[0]) == expected


def test_smallest_keys_are_drawn_in_order_final_first() -> None:
    schedule = _schedule(preview=4, final=6)
    drawn = [IDS[position] for position in draw(schedule, IDS)]
    ranked = sorted(IDS, key=lambda window: schedule_key(schedule.seed, window))
    assert drawn == ranked[:10]


def test_order_of_the_data_does_not_matter() -> None:
    schedule = _schedule(preview=4, final=6)
    shuffled = sorted(IDS)
    assert [IDS[p] for p in draw(schedule, IDS)] == [shuffled[p] for p in draw(schedule, shuffled)]


def test_of_equal_windows_the_first_stands_for_all() -> None:
    schedule = _schedule(preview=0, final=20)
    drawn = draw(schedule, [*IDS, *IDS])
    assert sorted(drawn) == list(range(20))


def test_too_few_windows_are_inconclusive() -> None:
    assert len(draw(_schedule(preview=10, final=10), IDS)) == 20
    with pytest.raises(Inconclusive, match=r"E002.*20 distinct windows.*needs 21"):
        draw(_schedule(preview=10, final=11), [*IDS, *IDS])


def test_a_window_that_repeats_a_run_of_one_drawn_before_is_passed_over() -> None:
    text = np.random.default_rng(0).integers(0, 50_000, (20, 64), dtype=np.uint32)
    text[7, 20:60] = text[3, 10:50]
    ids = [window_id(row.tolist()) for row in text]
    schedule = _schedule(preview=4, final=15)
    ranked = sorted(range(20), key=lambda at: schedule_key(schedule.seed, ids[at]))
    later = max((3, 7), key=ranked.index)
    assert list(draw(schedule, ids, list(text))) == [at for at in ranked if at != later]
    assert len(draw(_schedule(preview=5, final=15), ids)) == 20
    with pytest.raises(Inconclusive, match=r"19 distinct windows \(1 more .*\), .*needs 20"):
        draw(_schedule(preview=5, final=15), ids, list(text))
