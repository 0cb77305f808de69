"""The VS Code extension, built once in a copy of its folder from what its lock file names."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

EDITORS = ROOT / "grammar" / "editors"


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built extension; parallel test processes share it."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker's own folder: its parent is the run's
        shared = shared.parent
    folder = shared / "editors" / "vscode"
    with (shared / "editors.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _build(folder)
    return folder


def _build(folder: Path) -> None:
    built = shutil.ignore_patterns("node_modules", "dist", "syntaxes")
    copy = shutil.copytree(EDITORS, folder.parent.with_name("editors.new"), ignore=built)
    for command in (["npm", "ci", "--ignore-scripts", "--no-progress"], ["npm", "run", "build"]):
        done = subprocess.run(
            command,
            cwd=copy / "vscode",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    copy.rename(folder.parent)
