"""Bundles that `attest --sigstore` writes verify with sigstore-js, as far as it knows their log."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.attest.bundle import parse_bundle
from invarlock.attest.dsse import PAYLOAD_TYPE
from invarlock.canonical import digest_bytes
from tests.js_verify.conftest import MAJORS, run_verifier
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import ACCOUNTS, GITHUB
from tests.verify.certified import Certified, make_certified

pytestmark = pytest.mark.npm
RELEASE = GitHub()
KNOWN = [("v3", 1), ("v4", 1), ("v4", 2)]
"""Version 3 reads no statement's entry of Rekor v2."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble) -> Certified:
    return make_certified(tmp_path_factory.mktemp("certified"), sigstore_double)


@pytest.fixture(scope="module")
def bundles(desk: Certified) -> dict[int, Path]:
    return {rekor: desk.sign(RELEASE, rekor) for rekor in (1, 2)}


def named(desk: Certified, identity: str = RELEASE.identity, issuer: str = GITHUB) -> list[object]:
    root = desk.double.write_root(desk.root)
    return ["--trusted-root", root, "--identity", identity, "--issuer", issuer]


@pytest.mark.parametrize(("major", "rekor"), KNOWN)
def test_sigstore_js_accepts_the_bundle_of_its_signer_alone(
    desk: Certified, bundles: dict[int, Path], major: str, rekor: int
) -> None:
    bundle = bundles[rekor]
    done = run_verifier(major, bundle, *named(desk))
    assert done.returncode == 0, done.stderr
    payload = parse_bundle(bundle.read_bytes()).payload
    assert done.stdout.split() == [PAYLOAD_TYPE, digest_bytes(payload).removeprefix("sha256:")]
    for other in (
        named(desk, identity=GitHub(repository="mallory/models").identity),
        named(desk, issuer=ACCOUNTS),
    ):
        refused = run_verifier(major, bundle, *other)
        assert refused.returncode == 1
        assert refused.stderr.startswith("UNTRUSTED_SIGNER_ERROR")


def test_what_another_major_does_not_know_it_refuses(
    desk: Certified, bundles: dict[int, Path]
) -> None:
    done = run_verifier("v3", bundles[2], *named(desk))
    assert done.returncode == 1
    assert done.stderr.startswith("TLOG_BODY_ERROR")
    assert MAJORS == ("v3", "v4")


@pytest.mark.parametrize(("major", "rekor"), KNOWN)
def test_sigstore_js_refuses_a_proof_of_another_leaf(
    desk: Certified, bundles: dict[int, Path], major: str, rekor: int
) -> None:
    def swap(document: dict[str, object]) -> None:
        material = document["verificationMaterial"]
        assert isinstance(material, dict)
        proof = material["tlogEntries"][0]["inclusionProof"]
        proof["hashes"].reverse()

    done = run_verifier(major, desk.changed(bundles[rekor], swap), *named(desk))
    assert done.returncode == 1
    assert done.stderr.startswith("TLOG_INCLUSION_PROOF_ERROR")
