"""Whoever has installed no more than what verifies can verify: offline, with no home to write to.

In an empty network namespace, for each supported Python, from a wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from invarlock.verify.disclosure_folder import disclose_windows
from tests.install.pythons import VERSIONS, installed, interpreter
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.verify.certified import Certified, make_certified
from tests.verify.runs import BAR, Scene, case, documents, make_scene, report_of, signed

pytestmark = pytest.mark.xdist_group("pythons")


@pytest.fixture(scope="module", params=VERSIONS)
def python(request: pytest.FixtureRequest) -> Path:
    found = interpreter(request.param)
    if found is None:
        absent = f"Python {request.param} is not on this machine"
        assert os.environ.get("CI") != "true", absent
        pytest.skip(absent)
    return installed(request.param, found)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = make_scene(tmp_path_factory.mktemp("scene"))
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


@pytest.fixture(scope="module")
def certified(
    tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble
) -> Certified:
    return make_certified(tmp_path_factory.mktemp("certified"), sigstore_double)


def offline(python: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run ``python`` where there is no network, and no home but one that nobody can make."""
    unshare = shutil.which("unshare")
    assert unshare, "util-linux is part of the test machine"
    apart = ["--net"] if os.geteuid() == 0 else ["--map-root-user", "--net"]
    return subprocess.run(
        [unshare, *apart, python, *map(str, words)],
        env={"PATH": "/usr/bin:/bin", "HOME": "/proc/none", "LANG": "C.UTF-8"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def verify(
    python: Path, scene: Scene, bundle: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    root, run = scene.root, bundle if bundle.is_dir() else scene.root / "run"
    return offline(
        python, "-m", "invarlock", "verify", bundle, "--key", root / "key.pub",
        "--run", run, "--subject", root / "subject", "--baseline", root / "baseline",
        "--data", root / "data.jsonl", "--policy", f"{root / 'bar.invar'}#{BAR[0]}+{BAR[1]}",
        *more,
    )  # fmt: skip


def test_there_is_no_network_where_it_is_tried(python: Path) -> None:
    code = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    assert "Network is unreachable" in offline(python, "-c", code).stderr


def test_nothing_that_measures_is_installed(python: Path) -> None:
    for name in ("torch", "transformers", "safetensors", "tokenizers", "ray"):
        assert "ModuleNotFoundError" in offline(python, "-c", f"import {name}").stderr


def test_a_key_verifies(python: Path, scene: Scene) -> None:
    done = verify(python, scene, scene.root / "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "judged      reached" in done.stdout


@pytest.mark.parametrize("rekor", [1, 2])
def test_an_identity_verifies(python: Path, certified: Certified, rekor: int) -> None:
    bundle, who, root = certified.sign(GitHub(), rekor), GitHub(), certified.root
    words = [bundle, "--subject", root / "subject", "--policy", certified.policy]
    words += ["--trusted-root", certified.double.write_root(root)]
    words += ["--identity", who.identity, "--issuer", who.issuer]
    done = offline(python, "-m", "invarlock", "verify", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "judged      reached" in done.stdout
    done = offline(python, "-m", "invarlock", "verify", *words[:-1], "https://issuer.example.com")
    assert (done.returncode, done.stderr) == (4, "")
    assert "INVARLOCK:E420" in done.stdout
    # The public root, which is the default, is read without a home, and knows nobody of these.
    public = [*words[:5], *words[7:]]
    done = offline(python, "-m", "invarlock", "verify", *public)
    assert (done.returncode, done.stderr) == (4, "")
    assert "INVARLOCK:E42" in done.stdout


def test_a_forged_bundle_is_refused(python: Path, scene: Scene, tmp_path: Path) -> None:
    bundle = (scene.root / "run" / "attestation.sigstore.json").read_text()
    at = bundle.index('"payload":"') + 40
    other = "A" if bundle[at] != "A" else "B"
    (tmp_path / "forged.json").write_text(bundle[:at] + other + bundle[at + 1 :])
    done = verify(python, scene, tmp_path / "forged.json")
    assert (done.returncode, done.stderr) == (4, "")
    assert "INVARLOCK:E401" in done.stdout


def test_single_windows_verify(python: Path, scene: Scene, tmp_path: Path) -> None:
    disclose_windows(scene.root / "run", [3, 17], tmp_path / "few")
    words = (scene.request.bundle, "--key", scene.root / "key.pub", "--level", "signed")
    verified = ("-m", "invarlock", "verify", *words, "--disclosed", tmp_path / "few")
    done = offline(python, *verified)
    assert (done.returncode, done.stderr) == (3, "")
    assert "disclosed   2 windows" in done.stdout


def test_a_bar_at_least_as_strict_stands_in(python: Path, scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(scene.root / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "evidence")
    done = verify(python, scene, tmp_path / "run", "--accept-strictness")
    assert (done.returncode, done.stderr) == (0, "")
    assert verify(python, scene, tmp_path / "run").returncode == 3


def test_an_audit(python: Path, scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(scene.root / "subject", tmp_path / "one")
    shutil.copytree(scene.root / "run", tmp_path / "one" / ".invarlock")
    words = (tmp_path, "--key", scene.root / "key.pub", "--policy", scene.request.policy)
    done = offline(python, "-m", "invarlock", "audit", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "verified    one" in done.stdout


def test_a_watch(python: Path, scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(scene.root / "subject", tmp_path / "one")
    words = (tmp_path / "one", "--attestation", scene.root / "run", "--once")
    watch = ("-m", "invarlock", "watch", *words, "--key", scene.root / "key.pub")
    done = offline(python, *watch)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "one" / "model.safetensors").write_bytes(b"other weights")
    done = offline(python, *watch)
    assert (done.returncode, "DIFFERS" in done.stdout) == (4, True)


def test_help_is_there(python: Path) -> None:
    done = offline(python, "-m", "invarlock", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "verify" in done.stdout
