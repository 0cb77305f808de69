"""Both current majors of sigstore-js, installed once from what their lock files name."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from invarlock.canonical import digest_bytes
from tests.conftest import ROOT

HERE = ROOT / "tests" / "js_verify"
MAJORS = ("v3", "v4")

Verify = Callable[..., subprocess.CompletedProcess[str]]


def installed(major: str) -> Path:
    """The folder with ``node_modules`` of ``major``, which one lock file's digest names."""
    lock_file = HERE / major / "package-lock.json"
    folder = ROOT / ".cache" / "js_verify" / f"{major}-{digest_bytes(lock_file.read_bytes())[7:19]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(HERE / major, folder)
    return folder


def _install(source: Path, folder: Path) -> None:
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(source, new, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-progress"],
        cwd=new,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    new.rename(folder)


def run_verifier(major: str, *args: object) -> subprocess.CompletedProcess[str]:
    """``verify.mjs BUNDLE OPTION…`` under ``major`` of sigstore-js."""
    return subprocess.run(
        ["node", HERE / "verify.mjs", installed(major), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(params=MAJORS)
def sigstore_js(request: pytest.FixtureRequest) -> Verify:
    """Run ``verify.mjs BUNDLE OPTION…`` under one major of sigstore-js."""
    return partial(run_verifier, request.param)
