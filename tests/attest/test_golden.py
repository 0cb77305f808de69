"""The golden attestations: unchanged by the code, and accepted to the level that they reach."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from invarlock.attest.bundle import parse_bundle
from tests.conftest import ROOT, run_invarlock

GOLDEN = ROOT / "attest" / "golden"
FOLDERS = sorted(path for path in GOLDEN.iterdir() if path.is_dir())
BUNDLE = "run/attestation.sigstore.json"


def _verify(folder: Path, *options: object, key: Path | None = None) -> tuple[int, Any]:
    done = run_invarlock(
        "verify", folder / BUNDLE, "--key", key or folder / "key.pub", *options, "--format", "json"
    )
    return done.returncode, json.loads(done.stdout)


def _artifacts(folder: Path) -> list[object]:
    options: list[object] = ["--policy", f"{folder / 'policy.invar'}#balanced+dev"]
    for name in ("subject", "baseline"):
        options += [f"--{name}", folder / name]
    return [*options, "--data", folder / "data.jsonl"]


def test_it_is_what_the_code_says() -> None:
    how = [sys.executable, "scripts/generate_golden.py", "--check"]
    done = subprocess.run(how, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in GOLDEN.rglob("*") if path.is_file()) < 300_000


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_it_verifies_to_signed_alone_and_to_judged_with_its_run(folder: Path) -> None:
    code, found = _verify(folder, "--level", "signed")
    assert (code, found["levels"]["signed"]) == (3, "reached")
    code, found = _verify(folder, *_artifacts(folder))
    assert code == 0
    assert found["outcome"] == "pass"
    levels = [found["levels"][level] for level in ("signed", "bound", "judged")]
    assert levels == ["reached"] * 3


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_its_statement_is_the_payload_and_fits_the_schema(folder: Path) -> None:
    payload = (folder / "statement.json").read_bytes()
    assert parse_bundle((folder / BUNDLE).read_bytes()).payload == payload
    for name, schema in (
        ("statement.json", "statement"),
        ("test-result.statement.json", "test-result"),
        ("eval-result.statement.json", "eval-result"),
    ):
        rules = json.loads((ROOT / f"attest/schemas/{schema}.schema.json").read_text("utf-8"))
        document = json.loads((folder / name).read_bytes())
        jsonschema.Draft202012Validator(rules).validate(document)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(rules).validate({**document, "more": 1})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_another_key_and_other_evidence_are_refused(folder: Path, tmp_path: Path) -> None:
    made = run_invarlock("key", "new", tmp_path / "other", "--type", "ed25519")
    assert made.returncode == 0
    code, found = _verify(folder, *_artifacts(folder), key=tmp_path / "other.pub")
    assert (code, _codes(found)) == (4, {"E401"})
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    numbers = copy / "run/evidence/subject.i64"
    data = bytearray(numbers.read_bytes())
    data[0] ^= 1
    numbers.write_bytes(data)
    code, found = _verify(copy, *_artifacts(copy))
    assert code == 4
    assert "E403" in _codes(found)


def _codes(found: Any) -> set[str]:
    return {finding["code"] for finding in found["findings"]}
