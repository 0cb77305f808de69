"""The real client signs with the double and verifies what comes out, offline."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sigstore.dsse import Statement
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

from invarlock.evidence.merkle import includes, merkle_root
from invarlock.security import temporarily_allow_network
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.merkle import inclusion_proof, leaf_hash, root_hash
from tests.sigstore_double.tokens import GITHUB, person, token

STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.com/p/v1",
        "predicate": {},
    }
).encode()


@pytest.fixture(autouse=True)
def _network() -> Iterator[None]:
    """A command that another test ran may have armed this process's tripwire."""
    with temporarily_allow_network():
        yield


@pytest.mark.parametrize("rekor", [1, 2])
def test_the_real_client_signs_and_verifies(rekor: int) -> None:
    with SigstoreDouble() as double:
        config = ClientTrustConfig.from_json(json.dumps(double.trust_config(rekor)))
        context = SigningContext.from_trust_config(config)
        identity = IdentityToken(token(GitHub().claims()))
        with context.signer(identity) as signer:
            bundle = signer.sign_dsse(Statement(STATEMENT))
    entry = json.loads(bundle.to_json())["verificationMaterial"]["tlogEntries"][0]
    assert len(entry["inclusionProof"]["hashes"]) >= 4
    assert entry["kindVersion"]["kind"] == ("dsse" if rekor == 1 else "hashedrekord")
    verifier = Verifier(trusted_root=config.trusted_root)
    expected = policy.Identity(identity=GitHub().identity, issuer=GITHUB)
    kind, payload = verifier.verify_dsse(Bundle.from_json(bundle.to_json()), expected)
    assert (kind, payload) == ("application/vnd.in-toto+json", STATEMENT)


def test_a_person_signs_by_address() -> None:
    with SigstoreDouble() as double:
        config = ClientTrustConfig.from_json(json.dumps(double.trust_config()))
        context = SigningContext.from_trust_config(config)
        with context.signer(IdentityToken(token(person("ada@example.com")))) as signer:
            bundle = signer.sign_dsse(Statement(STATEMENT))
    expected = policy.Identity(identity="ada@example.com", issuer="https://accounts.example.com")
    Verifier(trusted_root=config.trusted_root).verify_dsse(bundle, expected)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
def test_proofs_are_those_that_others_compute(size: int) -> None:
    data = [bytes([number]) for number in range(size)]
    leaves = list(map(leaf_hash, data))
    root = f"sha256:{root_hash(leaves).hex()}"
    assert root == merkle_root(data)
    for index, leaf in enumerate(data):
        proof = [f"sha256:{node.hex()}" for node in inclusion_proof(leaves, index)]
        assert includes(root, leaf, index, size, proof)
