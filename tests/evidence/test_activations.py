"""Records of layers that no two models can give are refused, each by its code."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import NANO, NON_FINITE, canonical_bytes
from invarlock.errors import VerificationFault
from invarlock.evidence.store import read_evidence
from tests.builders import SANDBOXED, Synthetic, sealed

FILES = Synthetic().files()
NAME = "subject.activations.json"
EDGE = sqrt(64) + sqrt(64)


def changed(change: Callable[[list[dict[str, Any]]], Any]) -> dict[str, bytes]:
    """With other records of the subject's layers, and no window scored again."""
    layers = json.loads(FILES[NAME])
    change(layers)
    return sealed({**FILES, NAME: canonical_bytes(layers), "guards.i64": b""})


@pytest.mark.parametrize(
    "change",
    [
        lambda layers: None,
        lambda layers: layers[0].update(risk=int(NANO * 8.01 / EDGE)),
        lambda layers: layers[0].update(risk=int(NANO * 64 / EDGE)),
        lambda layers: layers[0].update(log_spread=None),
        lambda layers: layers[0].update(spectrum="zero", risk=None, log_spread=None),
        lambda layers: layers[0].update(name="a.layer", family="other"),
        lambda layers: layers.pop(),
        lambda layers: layers.clear(),
    ],
)
def test_what_can_be_is_taken(change: Callable[[list[dict[str, Any]]], Any]) -> None:
    assert len(read_evidence(changed(change), SANDBOXED).activations["baseline"]) == 4


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("E405", lambda layers: layers.reverse()),
        ("E405", lambda layers: layers.append(layers[-1])),
        ("E405", lambda layers: layers[0].update(tokens=63)),
        ("E405", lambda layers: layers[0].update(tokens=72)),
        ("E405", lambda layers: layers[0].update(features=0)),
        ("E405", lambda layers: layers[0].update(family="other")),
        ("E405", lambda layers: layers[0].update(name="a.layer")),
        ("E405", lambda layers: layers[0].update(family="head")),
        ("E405", lambda layers: layers[0].update(spectrum="zero")),
        ("E405", lambda layers: layers[0].update(spectrum="non_finite", risk=None)),
        ("E405", lambda layers: layers[0].update(risk=None)),
        ("E405", lambda layers: layers[0].update(risk=0)),
        ("E405", lambda layers: layers[0].update(risk="1.5")),
        ("E405", lambda layers: layers[0].update(log_spread=201 * NANO)),
        ("E405", lambda layers: layers[0].update(name="a\nverdict: pass")),
        ("E405", lambda layers: layers[0].update(name="")),
        ("E405", lambda layers: layers[0].update(extra=1)),
        ("E405", lambda layers: layers[0].pop("features")),
        ("E404", lambda layers: layers[0].update(risk=int(NANO * 7.9 / EDGE))),
        ("E404", lambda layers: layers[0].update(risk=int(NANO * 64.1 / EDGE))),
        ("E404", lambda layers: layers[0].update(risk=2**50)),
    ],
)
def test_what_cannot_be_is_refused(
    code: str, change: Callable[[list[dict[str, Any]]], Any]
) -> None:
    with pytest.raises(VerificationFault) as caught:
        read_evidence(changed(change), SANDBOXED)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", ["embed", "other"])
def test_a_family_is_not_what_both_arms_say(family: str) -> None:
    arms = {}
    for name in ("baseline.activations.json", NAME):
        layers = json.loads(FILES[name])
        layers[0]["family"] = family
        arms[name] = canonical_bytes(layers)
    files = sealed({**FILES, **arms})
    if family == "embed":
        assert read_evidence(files, SANDBOXED).activations
        return
    with pytest.raises(VerificationFault) as caught:
        read_evidence(files, SANDBOXED)
    assert caught.value.code == "E405"


GUARDS = np.frombuffer(FILES["guards.i64"], "<i8")


def again(numbers: np.ndarray[Any, Any]) -> dict[str, bytes]:
    """With other numbers in ``guards.i64``."""
    return sealed({**FILES, "guards.i64": numbers.astype("<i8").tobytes()})


def test_guard_windows_may_be_scored_again_or_not_at_all() -> None:
    evidence = read_evidence(again(GUARDS), SANDBOXED)
    assert list(evidence.passes) == ["bare", "scaled"]
    assert evidence.bare is not None
    assert np.array_equal(evidence.bare, evidence.loss[:64])
    flagged = GUARDS.copy()
    flagged[[3, 64 + 3]] = NON_FINITE
    assert read_evidence(again(flagged), SANDBOXED).passes["bare"][3] == NON_FINITE
    assert read_evidence(again(GUARDS[:0]), SANDBOXED).passes == {}


@pytest.mark.parametrize("numbers", [GUARDS[:-1], GUARDS[:64], np.append(GUARDS, [1, 1]), -GUARDS])
def test_numbers_of_no_pass_are_refused(numbers: np.ndarray[Any, Any]) -> None:
    with pytest.raises(VerificationFault) as caught:
        read_evidence(again(numbers), SANDBOXED)
    assert caught.value.code == "E405"


def with_scales(scaled: np.ndarray[Any, Any], shift: int | None) -> dict[str, bytes]:
    """Evidence whose one block spreads by ``shift`` more in the subject, or nobody knows by how
    much, and whose scaled log-losses are ``scaled``."""
    layers = json.loads(FILES["subject.activations.json"])
    (block,) = [layer for layer in layers if layer["name"].endswith("down_proj")]
    block["log_spread"] = None if shift is None else block["log_spread"] + shift
    numbers = np.concatenate([GUARDS[:64], scaled]).astype("<i8")
    parts = {"guards.i64": numbers.tobytes(), "subject.activations.json": canonical_bytes(layers)}
    return sealed({**FILES, **parts})


SAME, LESS, NONE = GUARDS[:64], GUARDS[:64] // 2, np.full(64, NON_FINITE)


@pytest.mark.parametrize(("scaled", "shift"), [(SAME, 0), (LESS, 1), (SAME, -1), (NONE, None)])
def test_log_losses_that_scales_can_give(scaled: np.ndarray[Any, Any], shift: int | None) -> None:
    assert read_evidence(with_scales(scaled, shift), SANDBOXED).passes


@pytest.mark.parametrize(("scaled", "shift"), [(LESS, 0), (NONE, 0), (LESS, None), (SAME, None)])
def test_log_losses_without_a_scale_behind_them_are_refused(
    scaled: np.ndarray[Any, Any], shift: int | None
) -> None:
    with pytest.raises(VerificationFault) as caught:
        read_evidence(with_scales(scaled, shift), SANDBOXED)
    assert caught.value.code == "E404"


def times(**changed: Any) -> dict[str, bytes]:
    """With other times in ``overhead.json``."""
    overhead = {**json.loads(FILES["overhead.json"]), **changed}
    return sealed({**FILES, "overhead.json": canonical_bytes(overhead)})


@pytest.mark.parametrize("changed", [{}, {"bare": []}, {"guarded": [], "bare": []}])
def test_times_that_can_be(changed: dict[str, Any]) -> None:
    assert read_evidence(times(**changed), SANDBOXED).overhead


@pytest.mark.parametrize(
    "changed",
    [
        {"bare": [0]},
        {"guarded": [-5]},
        {"guarded": [10**15 + 1]},
        {"bare": ["1"]},
        {"bare": None},
        {"extra": 1},
    ],
)
def test_times_that_cannot_be_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(VerificationFault) as caught:
        read_evidence(times(**changed), SANDBOXED)
    assert caught.value.code == "E405"
