"""A passing and a failing run, a folder of models, and the audit of it as typed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from invarlock.cli import main
from tests.conftest import ROOT
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

SCHEMA = json.loads((ROOT / "attest/schemas/audit.schema.json").read_bytes())
Audit = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A scene with a passing run, and beside it a failing one."""
    scene = make_scene(tmp_path_factory.mktemp("made"))
    for name, worse in (("run", 0.01), ("failing", 0.4)):
        files = documents(case(worse=worse))
        report = report_of(files).encode()
        scene.publish(files, report, signed(report))
        (scene.root / "run").rename(scene.root / f"{name}.kept")
    return scene


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def audit(made: Scene, models: Path, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Audit `models` under the scene's key and bar; exit code and JSON, which fits its schema."""

    def run(*more: str, bar: bool = True) -> tuple[int, dict[str, Any]]:
        words = ["audit", str(models), "--key", str(made.root / "key.pub"), "--format", "json"]
        asked = made.request
        words += ["--policy", str(asked.policy)] if bar else []
        code = main([*words, *more])
        found = json.loads(capsys.readouterr().out.splitlines()[-1])
        jsonschema.validate(found, SCHEMA)
        assert found["exit_code"] == code
        return code, found

    return run


def put(made: Scene, place: Path, run: str | None = "run", within: str = ".invarlock") -> Path:
    """A copy of the subject at ``place``, with a run in its own folder."""
    shutil.copytree(made.root / "subject", place)
    if run is not None:
        shutil.copytree(made.root / f"{run}.kept", place / within)
    return place


def states(found: dict[str, Any]) -> dict[str, str]:
    return {model["path"]: model["state"] for model in found["models"]}
