"""One tiny baseline and its data for all tests of the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measure.tiny import make_model, prose, write_data


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with an untied head."""
    return make_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "data.jsonl", prose())
