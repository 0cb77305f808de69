"""The VS Code extension builds from the registry, loads, and points at files that are there."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCE = ROOT / "grammar" / "editors" / "vscode"
MANIFEST = json.loads((SOURCE / "package.json").read_text("utf-8"))


@pytest.mark.editors
def test_it_builds_and_the_bundle_loads(extension: Path) -> None:
    bundle = extension / MANIFEST["main"]
    subprocess.run(["node", "--check", bundle], check=True, timeout=60)
    # Outside VS Code the one module it lacks is VS Code's own.
    lacking = subprocess.run(
        ["node", "-e", "require(process.argv[1])", bundle],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Cannot find module 'vscode'" in lacking.stderr
    assert lacking.stderr.count("Error: ") == 1


@pytest.mark.editors
def test_what_it_contributes_is_there(extension: Path) -> None:
    contributes = MANIFEST["contributes"]
    paths = [MANIFEST["main"]]
    paths += [language["configuration"] for language in contributes["languages"]]
    paths += [grammar["path"] for grammar in contributes["grammars"]]
    assert len(paths) == 3
    packed = (extension / ".vscodeignore").read_text().splitlines()
    for path in paths:
        assert (extension / path).is_file(), path
        assert "!" + path.removeprefix("./") in packed
    grammar = json.loads((extension / contributes["grammars"][0]["path"]).read_text("utf-8"))
    assert grammar["scopeName"] == contributes["grammars"][0]["scopeName"]


def test_the_command_that_it_starts_exists() -> None:
    settings = MANIFEST["contributes"]["configuration"]["properties"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert settings["invarlock.server.path"]["default"] in project["scripts"]
    assert settings["invarlock.server.arguments"]["default"] == ["language-server"]
    # A folder that someone opens must not choose the program that runs.
    for name in ("invarlock.server.path", "invarlock.server.arguments"):
        assert settings[name]["scope"] == "machine"
        assert name in MANIFEST["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]


def test_the_lock_file_names_contents_and_no_host() -> None:
    lock = (SOURCE / "package-lock.json").read_text("utf-8")
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    assert packages
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "resolved" not in lock
    assert "http" not in lock


def test_it_needs_no_newer_node_than_debian_has() -> None:
    assert MANIFEST["engines"]["node"] == ">=18"
    assert 'target: "node18"' in (SOURCE / "build.mjs").read_text("utf-8")
