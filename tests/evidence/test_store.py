"""The reader of evidence refuses whatever is missing, unknown, malformed or out of order."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import NANO, NON_FINITE, canonical_bytes, digest_bytes
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import HEADER_FILE, NORM_LIMIT, PART_FILES
from invarlock.evidence.store import read_evidence
from tests.builders import SANDBOXED, Synthetic, sealed

CASE = Synthetic().edited()
FILES = CASE.files()


def _refused(files: dict[str, bytes]) -> VerificationFault:
    with pytest.raises(VerificationFault) as caught:
        read_evidence(files, SANDBOXED)
    assert "\n" not in str(caught.value)
    assert caught.value.message[0].islower() or caught.value.message[0] in "`0123456789"
    return caught.value


def _edit(name: str, change: Callable[[Any], Any]) -> dict[str, bytes]:
    """The files with one JSON part changed and everything above it made to fit."""
    value = json.loads(FILES[name])
    replaced = change(value)
    data = canonical_bytes(value if replaced is None else replaced)
    if name == HEADER_FILE:
        return {**FILES, name: data}
    return sealed({**FILES, name: data})


def test_reads_back_what_was_written() -> None:
    evidence = read_evidence(FILES, SANDBOXED)
    assert CASE.columns is not None
    for name, column in CASE.columns.items():
        assert np.array_equal(getattr(evidence, name), column)
    assert evidence.tokens.shape == (CASE.windows * (CASE.scored + 1),)
    assert len(evidence.windows) == CASE.windows
    assert evidence.tensors == {
        "baseline": CASE.baseline_tensors,
        "subject": CASE.subject_tensors,
    }
    assert evidence.runtime == SANDBOXED
    assert not evidence.loss.flags.writeable


def test_resealing_alone_changes_nothing() -> None:
    """The positive control of every test below that forges digests."""
    assert sealed(FILES) == FILES
    assert read_evidence(_edit("windows.json", lambda _: None), SANDBOXED).windows


@pytest.mark.parametrize("name", [HEADER_FILE, *PART_FILES])
def test_missing_file(name: str) -> None:
    assert _refused({k: v for k, v in FILES.items() if k != name}).code == "E405"


def test_unknown_file() -> None:
    assert _refused({**FILES, "extra.json": b"{}"}).code == "E405"


@pytest.mark.parametrize("name", PART_FILES)
def test_changed_part_does_not_fit_its_digest(name: str) -> None:
    data = bytearray(FILES[name])
    data[len(data) // 2] ^= 1
    fault = _refused({**FILES, name: bytes(data)})
    assert fault.code == "E403"
    assert name in fault.message


@pytest.mark.parametrize("name", PART_FILES)
@pytest.mark.parametrize("cut", [0, 1, 8])
def test_part_of_another_size(name: str, cut: int) -> None:
    data = FILES[name] + b"\0" * 8 if cut == 0 else FILES[name][:-cut]
    assert _refused(sealed({**FILES, name: data})).code == "E405"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (HEADER_FILE, lambda h: h.update(extra=1)),
        (HEADER_FILE, lambda h: h.update({"a\nverdict: pass": 1})),
        (HEADER_FILE, lambda h: h.pop("data")),
        (HEADER_FILE, lambda h: h.update(version="invarlock.evidence/2")),
        (HEADER_FILE, lambda h: h.pop("version")),
        (HEADER_FILE, lambda h: h["contract"].pop("dtype")),
        (HEADER_FILE, lambda h: h.update(origin="imported")),
        (HEADER_FILE, lambda h: h["parts"].pop("windows.json")),
        (HEADER_FILE, lambda h: h["parts"].update({"x": digest_bytes(b"")})),
        (HEADER_FILE, lambda h: h["data"].update(documents=3)),
        (HEADER_FILE, lambda h: h["data"].update(windows=CASE.windows - 1)),
        (HEADER_FILE, lambda h: h["contract"]["windows"].update(length=8)),
        (HEADER_FILE, lambda h: h["contract"]["windows"].update(length="9")),
        (HEADER_FILE, lambda h: h["subject"].update(device="cpu\x1b[2J")),
        ("subject.tensors.json", lambda t: t[-1].update(name="z\nverdict: pass")),
        ("subject.tensors.json", lambda t: t[-1].update(name="z" * 600)),
        ("subject.tensors.json", lambda t: t[0].update(dtype="")),
        ("windows.json", lambda w: w[0].update(start=-1)),
        ("windows.json", lambda w: w[0].update(phase="other")),
        ("windows.json", lambda w: w[0].pop("slice")),
        ("windows.json", lambda w: w[0].update(document=7)),
        ("windows.json", lambda w: w[0].update(document="a\x1b[2J")),
        ("windows.json", lambda w: w[0].update(document="")),
        ("windows.json", lambda w: w[0].update(document="d" * 600)),
        ("windows.json", lambda w: w[0].update(slice="a\nverdict: pass")),
        ("windows.json", lambda w: w[0].update(slice="")),
        ("windows.json", lambda w: w[0].update(length=0)),
        ("windows.json", lambda w: w[0].update(rows=0)),
        ("windows.json", lambda w: w[0].update(length=8)),
        ("windows.json", lambda w: w[0].update(rows=2**31)),
        ("windows.json", lambda w: w[0].update(answer=0)),
        ("windows.json", lambda w: (w[0].update(length=8), w[1].update(length=10), None)[2]),
        ("windows.json", lambda w: (w[0].update(rows=7), w[1].update(rows=9), None)[2]),
        ("windows.json", lambda w: {"windows": w}),
        ("subject.tensors.json", lambda t: t.reverse()),
        ("subject.tensors.json", lambda t: t.append(t[-1])),
        ("subject.tensors.json", lambda t: t[0].update(shape=[-1, 2])),
        ("subject.tensors.json", lambda t: t[0].update(log_sigma=None)),
        ("subject.tensors.json", lambda t: t[3].update(log_sigma=5)),
        ("subject.tensors.json", lambda t: t[0].update(log_norm=None)),
        ("subject.tensors.json", lambda t: t[0].update(outliers=None)),
        ("subject.tensors.json", lambda t: t[3].update(outliers=0)),
        ("subject.tensors.json", lambda t: t[0].update(outliers=-1)),
        ("subject.tensors.json", lambda t: t[0].update(shape=[16])),
        ("subject.tensors.json", lambda t: t[0]["drift"].update(cosine=NANO + 1)),
        ("subject.tensors.json", lambda t: t[0]["drift"].update(row_low=-NORM_LIMIT - 1)),
        ("subject.tensors.json", lambda t: t[0]["drift"].update(turned_rows=-1)),
        ("subject.tensors.json", lambda t: t[0]["drift"].pop("turned_columns")),
        ("subject.tensors.json", lambda t: t[3].update(change=-1)),
        ("subject.tensors.json", lambda t: t[3].update(spectrum="non_finite")),
        ("subject.tensors.json", lambda t: t[0].update(non_finite=1)),
        ("subject.tensors.json", lambda t: t[3].update(non_finite=1)),
        ("subject.tensors.json", lambda t: t[3].update(spectrum="zero")),
        ("subject.tensors.json", lambda t: t[0].update(family="other")),
        ("subject.tensors.json", lambda t: t[0].update(family="head")),
        ("baseline.tensors.json", lambda t: t[0].update(non_finite=-1)),
        ("baseline.tensors.json", lambda t: t[0].update(log_sigma="0.5")),
    ],
)
def test_malformed_record(name: str, change: Callable[[Any], Any]) -> None:
    fault = _refused(_edit(name, change))
    assert fault.code == "E405"


def _subject(**changes: Any) -> dict[str, bytes]:
    """The first matrix of the subject with ``changes``, those of ``drift`` spelled ``drift__x``."""

    def change(tensors: Any) -> None:
        for key, value in changes.items():
            *inner, last = key.split("__")
            (tensors[0][inner[0]] if inner else tensors[0])[last] = value

    return _edit("subject.tensors.json", change)


LOOSE = {"drift__row_low": -NANO, "drift__column_low": -NANO}


@pytest.mark.parametrize(
    ("possible", "impossible"),
    [
        ({"log_norm": 900_000_000, **LOOSE}, {"log_norm": 899_999_000, **LOOSE}),
        ({"log_norm": 1_939_720_770}, {"log_norm": 1_939_722_000}),
        ({"outliers": 8}, {"outliers": 9}),
        ({"drift__turned_rows": 16}, {"drift__turned_rows": 17}),
        ({"drift__turned_columns": 8}, {"drift__turned_columns": 9}),
        ({"drift__row_low": -5, "drift__row_high": 5}, {"drift__row_low": 5}),
        ({"drift__column_low": -5}, {"drift__column_high": -5}),
        ({}, {"drift": None}),
        ({"change": None}, {"change": 0}),
    ],
)
def test_numbers_that_no_matrix_has(possible: dict[str, Any], impossible: dict[str, Any]) -> None:
    assert read_evidence(_subject(**possible), SANDBOXED).tensors
    assert _refused(_subject(**impossible)).code == "E404"


def test_only_the_subject_drifts_and_only_from_what_is_there() -> None:
    drift = json.loads(FILES["subject.tensors.json"])[0]["drift"]
    for place, update in ((0, {"drift": drift}), (3, {"change": 0})):
        files = _edit("baseline.tensors.json", lambda t, p=place, u=update: t[p].update(u))
        assert _refused(files).code == "E404"
    lost = _edit("baseline.tensors.json", lambda t: t[1:])
    assert _refused(lost).code == "E404"
    broken = {"log_sigma": None, "log_norm": None, "outliers": None, "non_finite": 1}
    broken["spectrum"] = "non_finite"
    assert _refused(_subject(**broken)).code == "E404"
    assert read_evidence(_subject(**broken, drift=None), SANDBOXED).tensors


def _both(baseline: dict[str, Any], subject: dict[str, Any]) -> dict[str, bytes]:
    """The first matrix of each arm with changes."""
    parts = {}
    for arm, changes in (("baseline", baseline), ("subject", subject)):
        tensors = json.loads(FILES[f"{arm}.tensors.json"])
        tensors[0].update(changes)
        parts[f"{arm}.tensors.json"] = canonical_bytes(tensors)
    return sealed({**FILES, **parts})


NOTHING: dict[str, Any] = {"log_sigma": None, "log_norm": None, "outliers": None}
VECTOR = {**NOTHING, "spectrum": "vector"}
ZERO = {**NOTHING, "spectrum": "zero"}


def test_no_matrix_passes_for_a_vector_to_hide_from_the_guards() -> None:
    shown = read_evidence(_both({}, {}), SANDBOXED)
    assert {tensor.spectrum for tensor in shown.tensors["subject"]} == {"measured", "vector"}
    for changes in (VECTOR, {**VECTOR, "shape": [2, 8, 8]}, {**VECTOR, "shape": [1, 1]}):
        fault = _refused(_both(changes, changes))
        assert fault.code == "E405"
        assert "a matrix that passes for a vector" in fault.message
    empty = {**VECTOR, "shape": [0, 8]}
    assert read_evidence(_both(empty, {**empty, "drift": None, "change": 0}), SANDBOXED).tensors


def test_no_more_numbers_are_not_finite_than_there_are() -> None:
    broken = {**NOTHING, "spectrum": "non_finite", "drift": None}
    assert read_evidence(_both({}, {**broken, "non_finite": 128}), SANDBOXED).tensors
    assert _refused(_both({}, {**broken, "non_finite": 129})).code == "E404"


def test_zeros_drift_from_zeros_by_nothing() -> None:
    drift = json.loads(FILES["subject.tensors.json"])[0]["drift"]
    grown = {"log_sigma": 0, "log_norm": 0, "drift": {**drift, "turned_rows": 3}}
    assert read_evidence(_both(ZERO, ZERO), SANDBOXED).tensors
    assert read_evidence(_both(ZERO, grown), SANDBOXED).tensors
    moves = ({"turned_columns": 1}, {"cosine": 0}, {"row_high": 5}, {"column_low": -5})
    for move in ({"turned_rows": 1}, *moves):
        assert _refused(_both(ZERO, {**ZERO, "drift": {**drift, **move}})).code == "E404"
    for move in moves:
        forged = {**grown, "drift": {**drift, "turned_rows": 3, **move}}
        assert _refused(_both(ZERO, forged)).code == "E404"


@pytest.mark.parametrize("side", ["row", "column"])
def test_a_norm_falls_no_further_than_what_was_compared(side: str) -> None:
    least = round(0.5 * log(0.75) * NANO)  # rows left out hold less than a quarter of the squares
    drift = json.loads(FILES["subject.tensors.json"])[0]["drift"]

    def fallen(low: int, by: int) -> dict[str, bytes]:
        moved = {f"row_{x}": low for x in ("low", "high")}
        moved |= {f"column_{x}": low for x in ("low", "high")}
        # The other side says nothing: it could have lost everything.
        other = "column" if side == "row" else "row"
        moved[f"{other}_low"] = -NORM_LIMIT
        norms = {"log_sigma": 900_000_000 + by, "log_norm": 1_400_000_000 + by}
        return _both({}, {**norms, "drift": {**drift, **moved}})

    for low in (0, -NANO, 3 * NANO):
        assert read_evidence(fallen(low, low + least), SANDBOXED).tensors
        assert _refused(fallen(low, low + least - 1000)).code == "E404"
    assert read_evidence(fallen(-NORM_LIMIT, -40 * NANO), SANDBOXED).tensors


def test_a_family_is_not_what_both_arms_say() -> None:
    assert read_evidence(_both({"family": "embed"}, {"family": "embed"}), SANDBOXED).tensors
    for family in ("other", "ffn"):
        fault = _refused(_both({"family": family}, {"family": family}))
        assert fault.code == "E405"
        assert "another family than its name says" in fault.message


def test_only_embeddings_and_heads_have_twins() -> None:
    def twins(family: str, *names: str) -> dict[str, bytes]:
        def change(tensors: Any) -> None:
            pair = [{**tensors[0], "drift": None, "family": family} for _ in names]
            for one, name, twin in zip(pair, names, reversed(names), strict=True):
                one.update(name=name, twin=twin)
            tensors[:0] = pair

        return _edit("subject.tensors.json", change)

    assert read_evidence(twins("embed", "a.lm_head", "b.lm_head"), SANDBOXED).tensors
    assert _refused(twins("ffn", "a.mlp", "b.mlp")).code == "E404"


def _doubled(**changes: Any) -> dict[str, bytes]:
    """A subject that stores its embedding twice; ``changes`` are the copy's."""

    def change(tensors: Any) -> None:
        copy = {**tensors[0], "name": "lm_head.weight", "twin": tensors[0]["name"], "drift": None}
        tensors[0]["twin"] = copy["name"]
        tensors.insert(0, {**copy, **changes})

    return _edit("subject.tensors.json", change)


@pytest.mark.parametrize(
    "changes",
    [
        {"twin": None},
        {"twin": "lm_head.weight"},
        {"twin": "model.layers.0.mlp.up_proj.weight"},
        {"twin": "elsewhere"},
        {"log_sigma": 899_999_999},
        {"outliers": 0},
        {"shape": [8, 16]},
    ],
)
def test_twins_are_of_one_arm_and_of_the_same_numbers(changes: dict[str, Any]) -> None:
    assert read_evidence(_doubled(), SANDBOXED).tensors
    assert _refused(_doubled(**changes)).code == "E404"


@pytest.mark.parametrize("name", [HEADER_FILE, "windows.json", "subject.tensors.json"])
@pytest.mark.parametrize(
    "respell",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b":", b": ", 1),
        lambda data: data.replace(b'{"', b'{"version":0,"version":0,"', 1),
        lambda data: b"\xff" + data,
        lambda data: data[:-1],
        lambda data: b"[" * 500 + data,
        lambda data: b"",
    ],
)
def test_json_has_one_spelling(name: str, respell: Callable[[bytes], bytes]) -> None:
    files = {**FILES, name: respell(FILES[name])}
    assert _refused(files if name == HEADER_FILE else sealed(files)).code == "E405"


def test_window_id_must_be_that_of_its_tokens() -> None:
    files = _edit("windows.json", lambda w: w[3].update(id=digest_bytes(b"other")))
    assert _refused(files).code == "E403"
    tokens = bytearray(FILES["windows.u32"])
    tokens[0] ^= 1
    assert _refused(sealed(FILES, windows__u32=bytes(tokens))).code == "E403"


@pytest.mark.parametrize(("row", "position"), [(0, 0), (0, 2), (3, 9), (41, 1)])
def test_scored_positions_are_those_of_the_task(row: int, position: int) -> None:
    positions = np.frombuffer(FILES["positions.u32"], "<u4").copy()
    same = sealed(FILES, positions__u32=positions.tobytes())
    assert np.array_equal(read_evidence(same, SANDBOXED).positions, positions)
    assert positions[row] != position
    positions[row] = position
    fault = _refused(sealed(FILES, positions__u32=positions.tobytes()))
    assert fault.code == "E405"
    assert f"window {row // CASE.scored} " in fault.message


def _swap_windows(first: int, second: int) -> dict[str, bytes]:
    windows = json.loads(FILES["windows.json"])
    tokens = np.frombuffer(FILES["windows.u32"], "<u4").reshape(CASE.windows, -1).copy()
    windows[first], windows[second] = windows[second], windows[first]
    windows[first]["phase"], windows[second]["phase"] = (
        windows[second]["phase"],
        windows[first]["phase"],
    )
    tokens[[first, second]] = tokens[[second, first]]
    return sealed(FILES, windows__json=canonical_bytes(windows), windows__u32=tokens.tobytes())


@pytest.mark.parametrize(("first", "second"), [(0, 1), (3, 20), (23, 24), (34, 35)])
def test_windows_stand_in_the_order_of_the_seed(first: int, second: int) -> None:
    assert read_evidence(_swap_windows(first, first), SANDBOXED).windows
    assert _refused(_swap_windows(first, second)).code == "E407"


def test_another_seed_makes_another_order() -> None:
    files = _edit(HEADER_FILE, lambda h: h["schedule"].update(seed=digest_bytes(b"wish")))
    assert _refused(files).code == "E407"


@pytest.mark.parametrize("change", [{"final": 23}, {"preview": 13}, {"final": 25, "preview": 11}])
def test_counts_are_those_of_the_schedule(change: dict[str, int]) -> None:
    assert _refused(_edit(HEADER_FILE, lambda h: h["schedule"].update(change))).code == "E407"


def test_final_windows_come_before_preview_windows() -> None:
    def swap(windows: list[dict[str, Any]]) -> None:
        windows[0]["phase"], windows[-1]["phase"] = "preview", "final"

    assert _refused(_edit("windows.json", swap)).code == "E407"


@pytest.mark.parametrize(
    ("name", "number", "accepted"),
    [
        ("top1", 0, True),
        ("top1", NON_FINITE, True),
        ("top1", 2, False),
        ("top1", -1, False),
        ("delta_p", NON_FINITE, True),
        ("delta_p", NANO + 1, False),
        ("delta_p", -NANO - 1, False),
        ("kl", NON_FINITE, True),
        ("kl", 2**63 - 1, True),
        ("kl", -1, False),
        ("baseline_loss", -1, False),
        ("baseline_loss", -(2**62), False),
        ("loss", -1, False),
    ],
)
def test_natural_ranges(name: str, number: int, accepted: bool) -> None:
    assert CASE.columns is not None
    column = CASE.columns[name].copy()
    column[5] = number
    files = CASE.with_column(name, column).files()
    if accepted:
        assert getattr(read_evidence(files, SANDBOXED), name)[5] == number
    else:
        assert _refused(files).code == "E405"


@given(data=st.data())
def test_no_bytes_make_the_reader_stumble(data: st.DataObject) -> None:
    """Whatever stands in a file: evidence, or a refusal with a code; never another exception."""
    name = data.draw(st.sampled_from([HEADER_FILE, *PART_FILES]))
    start = data.draw(st.integers(0, len(FILES[name]) - 1))
    stop = data.draw(st.integers(start, min(len(FILES[name]), start + 40)))
    junk = data.draw(st.binary(max_size=40))
    changed = FILES[name][:start] + junk + FILES[name][stop:]
    files = {**FILES, name: changed}
    code = ""
    try:
        read_evidence(files if name == HEADER_FILE else sealed(files), SANDBOXED)
    except VerificationFault as fault:
        code = fault.code
    assert code in {"", "E403", "E404", "E405", "E407"}
