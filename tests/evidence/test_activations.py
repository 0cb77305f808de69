"""Records of layers that no two models can give are refused, each by its code."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import sqrt
from typing import Any

import pytest

from invarlock.canonical import NANO, canonical_bytes
from invarlock.errors import VerificationFault
from invarlock.evidence.store import read_evidence
from tests.builders import SANDBOXED, Synthetic, sealed

FILES = Synthetic().files()
NAME = "subject.activations.json"
EDGE = sqrt(64) + sqrt(64)


def changed(change: Callable[[list[dict[str, Any]]], Any]) -> dict[str, bytes]:
    layers = json.loads(FILES[NAME])
    change(layers)
    return sealed({**FILES, NAME: canonical_bytes(layers)})


@pytest.mark.parametrize(
    "change",
    [
        lambda layers: None,
        lambda layers: layers[0].update(risk=int(NANO * 8.01 / EDGE)),
        lambda layers: layers[0].update(risk=int(NANO * 64 / EDGE)),
        lambda layers: layers[0].update(log_spread=None),
        lambda layers: layers[0].update(spectrum="zero", risk=None, log_spread=None),
        lambda layers: layers.pop(),
        lambda layers: layers.clear(),
    ],
)
def test_what_can_be_is_taken(change: Callable[[list[dict[str, Any]]], Any]) -> None:
    assert len(read_evidence(changed(change), SANDBOXED).activations["baseline"]) == 3


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("E405", lambda layers: layers.reverse()),
        ("E405", lambda layers: layers.append(layers[-1])),
        ("E405", lambda layers: layers[0].update(tokens=63)),
        ("E405", lambda layers: layers[0].update(tokens=72)),
        ("E405", lambda layers: layers[0].update(features=0)),
        ("E405", lambda layers: layers[0].update(family="other")),
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
