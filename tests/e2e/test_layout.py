"""A release whose four steps all ran through `advanced link`, under a layout."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from in_toto.exceptions import RuleVerificationError

from invarlock.attest.steps import STEPS
from invarlock.cli import main
from tests.attest.releases import KEY_TYPES, Release
from tests.e2e.conftest import Bench
from tests.verify.runs import Scene

pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


def test_a_measured_release_verifies_until_its_model_is_swapped(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    release = Release(Scene(tmp_path))
    for who in KEY_TYPES:
        assert main(["key", "new", str(release.key(who))]) == 0
    bar, run = f"{bench.policy}#balanced+dev", tmp_path / "run"
    models = ["--baseline", bench.baseline, "--subject", bench.subject, "--data", bench.data]
    shutil.copytree(bench.subject, tmp_path / "subject")

    compiled = ("policy", "compile", bench.policy, "-o", tmp_path / "ir.json")
    evaluated = ("evaluate", "--policy", bar, *models, "--out", run)
    evaluated += ("--cache", bench.folder / "cache")
    signed = ("attest", run, "--key", release.key("attest"))
    verified = ("verify", run, "--key", f"{release.key('attest')}.pub", "--policy", bar, *models)
    for step, words in zip(STEPS, (compiled, evaluated, signed, verified), strict=True):
        assert release.link(step, *words) == 0, step
    assert release.layout() == 0
    release.check()
    (tmp_path / "subject" / "model.safetensors").write_bytes(b"swapped")
    with pytest.raises(RuleVerificationError, match="'deploy'"):
        release.check()
