"""Base installs of this package, as a consumer has them: one for each Python, torch in none."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.conftest import ROOT

CACHE = ROOT / ".cache" / "pythons"
VERSIONS = ("3.11", "3.12", "3.13")


def interpreter(version: str) -> Path | None:
    """Where Python ``version`` is on this machine: on the path, or among pyenv's."""
    found = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [Path(found)] if found else []
    candidates += sorted(pyenv.glob(f"{version}.*/bin/python"))
    return next((path for path in candidates if _runs(path, version)), None)


def _runs(path: Path, version: str) -> bool:
    """A shim of pyenv's is there for versions that are not."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def installed(version: str, python: Path) -> Path:
    """The interpreter of an environment that holds this package with `[sigstore]`, as built now.

    What it depends on is kept until ``pyproject.toml`` changes.
    """
    folder = CACHE / version
    stamp = folder / ".stamp"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    own = folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        _pip(own, f"{ROOT}[sigstore]")
        stamp.write_text(wanted)
    else:
        _pip(own, "--no-deps", "--force-reinstall", str(ROOT))
    return own


def _pip(python: Path, *what: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *what], check=True)
