"""The same digits whatever SIMD features numpy may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.judge.digits import digits, simd

ROOT = Path(__file__).parents[2]


def _run(disabled: list[str], *arguments: str) -> bytes:
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(disabled)}
    return subprocess.run(
        [sys.executable, "-m", "tests.judge.digits", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def features() -> list[str]:
    found = simd()
    assert set(_run([], "simd").decode().split()) == set(found)
    return found


def test_same_digits_without_simd(features: list[str]) -> None:
    assert _run(features, "simd") == b""
    assert _run(features) == digits()


def test_the_digits_are_of_this_evidence() -> None:
    """The control: another edit prints other digits, and there are intervals among them."""
    text = digits().decode()
    assert '"low":"1' in text
    assert text.count('"verdict"') > 6
