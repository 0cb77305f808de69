"""The folders of data travel whole, but for what is built with another package manager."""

from __future__ import annotations

import tomllib

import pytest

from tests.conftest import ROOT

APART = {"grammar/editors"}


@pytest.mark.parametrize("folder", ["grammar", "policies", "attest"])
def test_everything_in_it_is_in_the_wheel(folder: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for place, target in included.items():
        assert target == f"invarlock/_data/{place}"
        assert (ROOT / place).exists()
    here = {f"{folder}/{each.name}" for each in (ROOT / folder).iterdir()}
    assert folder in included or here - APART <= set(included)
    assert not any(place.startswith("grammar/editors/vscode") for place in included)
