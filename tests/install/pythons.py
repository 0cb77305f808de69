"""Base installs of this package, as a consumer has them: one for each Python, torch in none."""

from __future__ import annotations

import fcntl
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
    """The interpreter of an environment that holds this package with `[sigstore]`, as it is now.

    It is made anew only where sources or dependencies have changed, and by one process at a time.
    """
    folder = CACHE / version
    stamp, own = folder / ".stamp", folder / "bin" / "python"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = f"{_digest([ROOT / 'pyproject.toml'])} {_digest(_sources())}"
        found = stamp.read_text() if stamp.is_file() else ""
        if found.split()[:1] != wanted.split()[:1]:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([python, "-m", "venv", folder], check=True)
            _pip(own, f"{ROOT}[sigstore]")
        elif found != wanted:
            stamp.unlink()
            _pip(own, "--no-deps", "--force-reinstall", str(ROOT))
        stamp.write_text(wanted)
    return own


def _sources() -> list[Path]:
    """What the wheel is made of."""
    folders = ("invarlock", "grammar", "policies", "attest")
    found = (path for name in folders for path in (ROOT / name).rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix != ".pyc")


def _digest(paths: list[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.relative_to(ROOT)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _pip(python: Path, *what: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *what], check=True)
