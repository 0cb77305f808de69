"""The bill of software: what is installed, what the boundary told, and nothing secret."""

import json
import subprocess
import sys
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any, get_args

import pytest

from invarlock.bom.document import Version
from invarlock.bom.environment import Environment, Installed, normalised, read_environment
from invarlock.bom.software import Ran, environment_of, sbom_of
from invarlock.bom.validate import check_validator, validated
from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.errors import EnvironmentFault, SafetyRefusal
from invarlock.evaluate.outputs import read_answer
from invarlock.security.manifest import Tool

ONE = digest_bytes(b"one")
SANDBOX = Tool(kernel="6.1", bwrap_version="0.8.0", bwrap_sha256=ONE, argv_digest=ONE)
RAN = Ran("2026-01-02T03:04:05Z", "0.1.0", {"numpy": "9.9", "python": "3.12.1"}, (SANDBOX,))
ENVIRONMENT = Environment(
    "3.11.0", ONE, (Installed("numpy", "9.9", ONE), Installed("x", "1", None))
)


@pytest.mark.parametrize("spec", get_args(Version))
def test_this_environment_is_strictly_valid(spec: Version) -> None:
    ran = Ran(RAN.created, RAN.tool, {"numpy": version("numpy")}, RAN.tools)
    validated(sbom_of(ran, read_environment(), spec), spec)


def test_what_is_installed_is_found_with_its_record() -> None:
    found = {one.name: one for one in read_environment().installed}
    numpy = distribution("numpy")
    record = Path(str(numpy.locate_file(f"numpy-{numpy.version}.dist-info/RECORD"))).read_bytes()
    assert found["numpy"] == Installed("numpy", numpy.version, digest_bytes(record))
    assert "click" in found
    assert all(name == normalised(name) for name in found)


def test_reading_it_imports_none_of_it() -> None:
    script = (
        "import sys; from invarlock.bom.environment import read_environment; read_environment();"
        "print(sorted({'torch', 'transformers', 'numpy', 'cyclonedx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() in {b"[]", b"['numpy']"}  # the schema of evidence needs numpy


def test_no_variable_of_the_environment_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "canary-7f3a")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:canary-7f3a@example.org/simple")
    assert b"canary-7f3a" not in canonical_bytes(sbom_of(RAN, read_environment(), "1.6"))


def test_the_boundarys_word_is_taken_where_versions_differ() -> None:
    ran = Ran(RAN.created, RAN.tool, {"numpy": "1.0", "Tor_ch": "2"}, ())
    document = sbom_of(ran, ENVIRONMENT, "1.6")
    found = {one.name: one for one in environment_of(document).installed}
    assert found["numpy"] == Installed("numpy", "1.0", None)
    assert found["tor-ch"] == Installed("tor-ch", "2", None)
    assert found["x"] == Installed("x", "1", None)


def test_it_is_built_again_from_what_it_lists() -> None:
    document = sbom_of(RAN, ENVIRONMENT, "1.6")
    assert sbom_of(RAN, environment_of(document), "1.6") == document
    python: Any = document["metadata"]
    assert python["component"]["version"] == "3.12.1"
    kinds = {one["name"]: one["type"] for one in _components(document)}
    assert kinds["bubblewrap"] == "application"
    assert kinds["linux"] == "operating-system"


@pytest.mark.parametrize("document", [None, [], {}, {"components": 7}, {"components": [None, {}]}])
def test_anything_can_be_read_for_what_it_lists(document: Any) -> None:
    assert environment_of(document).installed == ()


@pytest.mark.parametrize("name", ["cyclonedx", "jsonschema"])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    check_validator()
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EnvironmentFault) as caught:
        check_validator()
    assert (caught.value.code, caught.value.hint) == ("E605", "install `invarlock[hf]`")


def _components(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["components"]
    return found


@pytest.mark.parametrize(
    "packages", [{"torch": "1" * 999}, {"": "1"}, {"torch": ""}, {"torch": "2\n"}, {"a b": "2"}]
)
def test_a_boundary_cannot_tell_of_packages_that_no_bill_can_hold(
    tmp_path: Path, packages: dict[str, str]
) -> None:
    answer = {"version": "invarlock.answer/1", "arm": "subject", "packages": {"torch": "2+cu1"}}
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    assert read_answer(tmp_path, 0, "").packages
    (tmp_path / "answer.json").write_text(json.dumps(answer | {"packages": packages}))
    with pytest.raises(SafetyRefusal) as caught:
        read_answer(tmp_path, 0, "")
    assert caught.value.code == "E303"
