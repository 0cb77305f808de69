"""Bundles that `attest --key` writes verify with sigstore-js and with plain openssl."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from invarlock.attest.bundle import Signed, parse_bundle
from invarlock.attest.dsse import PAYLOAD_TYPE, pae
from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.judge.report import build_report
from tests.builders import Synthetic, report_inputs
from tests.conftest import run_invarlock
from tests.js_verify.conftest import MAJORS, Verify

HERE = Path(__file__).parent
KINDS = ("p256", "ed25519")


@dataclass(frozen=True)
class Attested:
    """A bundle from the command line, the key that signed it, and one that did not."""

    kind: str
    bundle: Path
    key: Path
    other: Path


@pytest.fixture(scope="module", params=KINDS)
def attested(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Attested:
    root = tmp_path_factory.mktemp(request.param)
    report = build_report(report_inputs(Synthetic().edited()))
    (root / "evaluation.report.json").write_bytes(canonical_bytes(report.model_dump(mode="json")))
    for name in ("key", "other"):
        made = run_invarlock("key", "new", root / name, "--type", request.param)
        assert made.returncode == 0, made.stderr
    done = run_invarlock("attest", root, "--key", root / "key")
    assert done.returncode == 0, done.stderr
    bundle = root / "attestation.sigstore.json"
    return Attested(request.param, bundle, root / "key.pub", root / "other.pub")


@pytest.mark.npm
def test_sigstore_js_accepts_the_bundle_under_its_key(
    attested: Attested, sigstore_js: Verify
) -> None:
    done = sigstore_js(attested.bundle, "--key", attested.key)
    assert done.returncode == 0, done.stderr
    payload = parse_bundle(attested.bundle.read_bytes()).payload
    assert done.stdout.split() == [PAYLOAD_TYPE, digest_bytes(payload).removeprefix("sha256:")]


@pytest.mark.npm
@pytest.mark.npm
def test_sigstore_js_refuses_another_key(attested: Attested, sigstore_js: Verify) -> None:
    done = sigstore_js(attested.bundle, "--key", attested.other)
    assert done.returncode == 1
    assert done.stderr.startswith("SIGNATURE_ERROR")


def openssl_accepts(signed: Signed, kind: str, key: Path, scratch: Path) -> bool:
    """Whether ``openssl`` verifies the signature over the encoding, under the public ``key``."""
    (scratch / "pae").write_bytes(pae(signed.payload_type, signed.payload))
    (scratch / "signature").write_bytes(signed.signature)
    how = ["dgst", "-sha256", "-verify", key, "-signature", "signature", "pae"]
    if kind == "ed25519":
        how = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key]
        how += ["-in", "pae", "-sigfile", "signature"]
    done = subprocess.run(["openssl", *how], cwd=scratch, capture_output=True, check=False)
    assert b"error" not in done.stderr.lower(), done.stderr
    return done.returncode == 0


def test_openssl_accepts_the_signature_over_the_encoding_and_no_other_key(
    attested: Attested, tmp_path: Path
) -> None:
    signed = parse_bundle(attested.bundle.read_bytes())
    assert openssl_accepts(signed, attested.kind, attested.key, tmp_path)
    assert not openssl_accepts(signed, attested.kind, attested.other, tmp_path)


@pytest.mark.parametrize("major", MAJORS)
def test_the_lock_file_names_exact_contents_and_no_host(major: str) -> None:
    wanted = json.loads((HERE / major / "package.json").read_text("utf-8"))["dependencies"]
    lock = (HERE / major / "package-lock.json").read_text("utf-8")
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "http" not in lock
