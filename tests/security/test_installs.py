"""The package runs in the sandbox from an ordinary and an editable install, as root and not."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import invarlock
from tests.security.boundary import ROOT

pytestmark = pytest.mark.sandbox

NOBODY = "65534"
NEEDED = (
    "annotated-types",
    "pydantic",
    "pydantic-core",
    "pyseccomp",
    "typing-extensions",
    "typing-inspection",
)
"""What the boundary's own process imports, beside this package."""

LAUNCH = """
import sys
from pathlib import Path
from invarlock.security import secure_tempdir
from invarlock.security.launch import LaunchRequest, launch
from invarlock.security.manifest import inside_breaches, outside_breaches
with secure_tempdir() as out:
    done = launch(LaunchRequest("sandbox", ("invarlock.security.probe",), {}, out, 30.0))
    print(done.returncode, inside_breaches(done.inside), outside_breaches(done.outside))
"""


def public_interpreter() -> str:
    """An interpreter of this version that every user may start."""
    system = Path("/usr/bin/python3").resolve()
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(system) if system.name == name else str(Path(sys._base_executable).resolve())


@pytest.fixture(scope="module")
def public() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own is private."""
    with tempfile.TemporaryDirectory(prefix="invarlock-installs-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def install(public: Path, kind: str) -> Path:
    """A virtual environment with the package copied in, or pointed to; its interpreter."""
    home = public / kind
    if home.exists():
        return home / "bin" / "python"
    subprocess.run([public_interpreter(), "-m", "venv", "--without-pip", home], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    for name in NEEDED:
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or ():
            source = Path(str(distribution.locate_file(file)))
            if ".." not in file.parts and source.is_file() and source.suffix != ".pyc":
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, site / file)
    target = site if kind == "ordinary" else public / "checkout"
    shutil.copytree(
        next(iter(invarlock.__path__)),
        target / "invarlock",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    if kind == "editable":
        (site / "_invarlock.pth").write_text(f"{target}\n")
    return home / "bin" / "python"


@pytest.mark.parametrize("kind", ["ordinary", "editable"])
@pytest.mark.parametrize("user", ["self", "nobody"] if ROOT else ["self"])
def test_runs_in_the_sandbox(public: Path, kind: str, user: str) -> None:
    python = install(public, kind)
    as_user = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
    done = subprocess.run(
        [*(as_user if user == "nobody" else []), python, "-I", "-c", LAUNCH],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )
    assert done.stderr == ""
    assert done.stdout == "0 () ()\n"
