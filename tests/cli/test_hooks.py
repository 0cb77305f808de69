"""The pre-commit hooks that other repositories use: their entries run as they are written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.policy.support import policy

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS = {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text())}


def _run(name: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """The hook on ``files``, with the console script of this environment."""
    command, *args = shlex.split(HOOKS[name]["entry"])
    script = Path(sys.executable).with_name(command)
    return subprocess.run(
        [str(script), *args, *map(str, files)], capture_output=True, text=True, check=False
    )


def test_the_manifest_is_one() -> None:
    check = [sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert set(HOOKS) == {"invar-fmt", "invar-check", "invar-lint"}


@pytest.mark.parametrize("name", HOOKS)
def test_files(name: str) -> None:
    assert HOOKS[name]["language"] == "python"
    pattern = re.compile(HOOKS[name]["files"])
    assert pattern.search("policies/causal_lm.invar")
    assert not pattern.search("policies/causal_lm.invar.md")


def test_fmt_rewrites(tmp_path: Path) -> None:
    path = tmp_path / "p.invar"
    path.write_text(policy("require   kl.mean<=1"))
    assert _run("invar-fmt", path).returncode == 0
    assert "\nrequire kl.mean <= 1\n" in path.read_text()


def test_check_and_lint_fail_on_what_they_find(tmp_path: Path) -> None:
    broken, loose = tmp_path / "broken.invar", tmp_path / "loose.invar"
    broken.write_text(policy("require kl.maen <= 1"))
    loose.write_text(policy("require kl.mean.point <= 1 nats"))
    shipped = ROOT / "policies" / "causal_lm.invar"
    assert _run("invar-check", shipped).returncode == 0
    assert _run("invar-check", broken, shipped).returncode == 2
    assert _run("invar-lint", shipped).returncode == 0
    assert _run("invar-lint", loose, shipped).returncode == 1
