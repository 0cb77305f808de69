"""The init container of attest/examples/serving, on a run that was measured: as closed as there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from invarlock.cli import main
from tests.attest.examples.reading import pods
from tests.e2e.conftest import POLICY, Bench

pytestmark = pytest.mark.sandbox
ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = ("usr", "lib", "lib64", "bin", "sbin", "etc", "opt", "root", "home")


@pytest.fixture
def mounts(bench: Bench, run: Path, tmp_path: Path) -> dict[str, Path]:
    """What the example mounts: the model with its run, and the ConfigMap as a cluster lays it."""
    model, trust = tmp_path / "edited", tmp_path / "trust"
    shutil.copytree(bench.subject, model)
    shutil.copytree(run, model / ".invarlock" / "run")
    hidden = trust / "..2026_12_01"
    hidden.mkdir(parents=True)
    key = tmp_path / "release"
    words = ["attest", str(run), "--key", str(key), "--out"]
    assert main([*words, str(hidden / "attestation.sigstore.json")]) == 0
    shutil.copy(f"{key}.pub", hidden / "release.pub")
    (hidden / "gate.invar").write_text(POLICY.replace("profile dev", "profile ci"))
    (trust / "..data").symlink_to(hidden.name)
    for file in hidden.iterdir():
        (trust / file.name).symlink_to(f"..data/{file.name}")
    return {"/trust": trust, "/models/edited": model}


def verifier() -> Any:
    _, pod = next(pods())
    return pod["initContainers"][0]


def start(
    mounts: dict[str, Path], command: tuple[str, ...] | None = None
) -> subprocess.CompletedProcess[str]:
    """The container's command, or another: no network, nothing to write to, no home, no rights."""
    container = verifier()
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"]
    words += ["--uid", "65532", "--gid", "65532", "--proc", "/proc", "--dev", "/dev"]
    shown = [Path("/") / name for name in KEPT] + [ROOT, Path(sys.prefix), Path(sys.base_prefix)]
    for path in shown:
        if path.exists():
            words += ["--ro-bind", str(path), str(path)]
    for place, path in mounts.items():
        words += ["--ro-bind", str(path), place]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/nonexistent"}
    environment |= {one["name"]: one["value"] for one in container["env"]}
    for name, value in environment.items():
        words += ["--setenv", name, value]
    words += ["--remount-ro", "/", "--remount-ro", "/dev", "--", *(command or container["command"])]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)


def test_the_server_starts_only_for_the_model_that_was_verified(mounts: dict[str, Path]) -> None:
    done = start(mounts)
    assert done.returncode == 0, done.stderr
    assert "outcome     pass" in done.stdout
    weights = mounts["/models/edited"] / "model.safetensors"
    original = weights.read_bytes()
    weights.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    done = start(mounts)
    assert done.returncode == 4
    assert "[INVARLOCK:E403]" in done.stdout


def test_nothing_starts_without_key_bar_or_run(mounts: dict[str, Path]) -> None:
    folder = mounts["/trust"] / "..data"
    for name in ("release.pub", "gate.invar", "attestation.sigstore.json"):
        (folder / name).rename(folder / "gone")
        assert start(mounts).returncode == 6
        (folder / "gone").rename(folder / name)
    shutil.rmtree(mounts["/models/edited"] / ".invarlock")
    assert start(mounts).returncode == 6


def test_the_container_is_as_closed_as_it_says(mounts: dict[str, Path]) -> None:
    """The control of the two above: there really is no network, and nowhere to write."""
    probe = (
        "import os, socket\n"
        "for path in ('/x', '/tmp/x', '/dev/x', '/trust/x', '/models/edited/x'):\n"
        "    try:\n        open(path, 'w'); print('wrote', path)\n"
        "    except OSError:\n        pass\n"
        "print(sorted(name for _, name in socket.if_nameindex()), os.getuid())\n"
    )
    done = start(mounts, (sys.executable, "-c", probe))
    assert done.stdout == "['lo'] 65532\n", done.stderr
