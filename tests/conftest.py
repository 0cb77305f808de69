"""Fixtures shared by all tests, and the two amounts of property testing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

if TYPE_CHECKING:
    from tests.sigstore_double import SigstoreDouble

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What hypothesis drives is part of a soak, and says how much it tries."""
    for item in items:
        test = getattr(item, "obj", None)
        if is_hypothesis_test(test):
            item.add_marker("soak")
            chosen = getattr(test, "_hypothesis_internal_use_settings", None) or settings()
            item.user_properties.append(("examples", str(chosen.max_examples)))


Command = Callable[..., subprocess.CompletedProcess[str]]


def run_invarlock(*args: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """The public command in a process of its own, as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "invarlock", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
    )


@pytest.fixture(scope="session")
def invarlock() -> Command:
    """Run ``invarlock ARGS…`` and give back exit code, stdout and stderr."""
    return run_invarlock


@pytest.fixture(scope="session")
def sigstore_double() -> Iterator[SigstoreDouble]:
    """A Sigstore on the loopback, honest, for tests that change nothing in it."""
    from sigstore._internal import timestamp

    from tests.sigstore_double import SigstoreDouble

    with SigstoreDouble() as double, pytest.MonkeyPatch.context() as patch:
        # The client waits five seconds for a time, which a loaded machine does not always keep.
        patch.setattr(timestamp, "CLIENT_TIMEOUT", 60)
        yield double


@pytest.fixture(scope="session")
def material() -> tuple[dict[str, Path], Path]:
    """SmolLM2-135M with its three subjects, and the prose; made on first use (minutes)."""
    sys.path.insert(0, str(ROOT / "scripts"))
    from demo_cache import CACHE
    from fetch_model import fetch_model
    from fetch_prose import fetch_prose
    from make_subjects import make_subjects

    baseline, _ = fetch_model(CACHE)
    data, _ = fetch_prose(CACHE)
    subjects = {name: folder for name, (folder, _) in make_subjects(baseline, CACHE).items()}
    return {"baseline": baseline, **subjects}, data


@pytest.fixture(scope="session")
def smollm2(material: tuple[dict[str, Path], Path]) -> Path:
    """The folder of SmolLM2-135M."""
    return material[0]["baseline"]
