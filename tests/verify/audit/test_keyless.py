"""Models that workflows signed: audited by identity, by age, and watched."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import GITHUB
from tests.verify.certified import Answer, Certified, make_certified, run_command

RELEASE = GitHub()
BY_NAME = ("--identity", RELEASE.identity, "--issuer", GITHUB)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble) -> Certified:
    """One signed run, in the subject's own folder."""
    desk = make_certified(tmp_path_factory.mktemp("audited"), sigstore_double)
    bundle = desk.sign(RELEASE)
    models = desk.root / "models"
    shutil.copytree(desk.root / "subject", models / "one")
    shutil.copytree(desk.root / "run", models / "one" / ".invarlock")
    shutil.copy(bundle, models / "one" / ".invarlock" / "attestation.sigstore.json")
    return desk


def audit(desk: Certified, *words: object) -> tuple[int, Answer]:
    root = ("--trusted-root", desk.double.write_root(desk.root), "--policy", desk.policy)
    return run_command("audit", desk.root / "models", *root, *words)


def test_by_identity_and_by_the_bar(desk: Certified) -> None:
    for words in (BY_NAME, (), (*BY_NAME, "--max-age", "1d", "--require", "log")):
        code, found = audit(desk, *words)
        assert (code, found["models"][0]["state"]) == (0, "verified"), found
    signer = found["models"][0]["attestation"]["signers"][0]
    assert signer["certificate"]["identity"] == RELEASE.identity


def test_another_identity_is_refused(desk: Certified) -> None:
    code, found = audit(desk, "--identity", RELEASE.identity + "0", "--issuer", GITHUB)
    assert (code, found["models"][0]["state"], found["models"][0]["code"]) == (4, "refused", "E420")


def test_too_old_is_stale(desk: Certified) -> None:
    signed = desk.root / "models/one/.invarlock/attestation.sigstore.json"
    while time.time() < signed.stat().st_mtime + 2:
        time.sleep(0.1)
    code, found = audit(desk, *BY_NAME, "--max-age", "0s")
    (model,) = found["models"]
    assert (code, model["state"], model["code"], model["signed"]) == (3, "stale", "E413", True)
    assert found["totals"]["stale"] == {"models": 1, "share": "1"}


def test_watched_by_identity(desk: Certified) -> None:
    place: Path = desk.root / "models" / "one"
    words = ["watch", place, "--attestation", place / ".invarlock", "--once"]
    words += ["--trusted-root", desk.double.write_root(desk.root)]
    code, found = run_command(*words, *BY_NAME)
    assert (code, found["same"]) == (0, True), json.dumps(found)
    code, found = run_command(*words, *BY_NAME, "--ref", "refs/tags/v2")
    assert (code, found["code"]) == (4, "E420")


def test_a_stale_trust_root_is_a_warning(desk: Certified, tmp_path: Path) -> None:
    document = desk.double.trusted_root
    for item in document["ctlogs"]:
        item["publicKey"]["validFor"]["end"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    stale = tmp_path / "root.json"
    stale.write_text(json.dumps(document))
    time.sleep(1)
    words = ("audit", desk.root / "models", "--trusted-root", stale, *BY_NAME)
    code, found = run_command(*words, "--policy", desk.policy)
    (model,) = found["models"]
    assert (code, model["state"], model["code"], model["reason"]) == (0, "verified", None, "")
    code, found = run_command(*words)  # what speaks against it is told, not the warning
    (model,) = found["models"]
    assert (code, model["state"], model["code"]) == (3, "signed", "E410")
