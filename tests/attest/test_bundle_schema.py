"""The bundle's schema: every bundle that is written fits it, and what is broken does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keys import load_private, new_key
from tests.conftest import ROOT
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.verify.certified import Certified, leaves, make_certified

Document = dict[str, Any]
SCHEMA = Draft202012Validator(json.loads((ROOT / "attest/schemas/bundle.schema.json").read_bytes()))
VECTORS = sorted((ROOT / "tests/verify/vectors").glob("*.sigstore.json"))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, Document]:
    """A key's bundle, without a timestamp and with one."""
    path = tmp_path_factory.mktemp("keyed") / "key"
    new_key(path)
    key = load_private(path)
    plain = sign_bundle(b"{}", key)
    stamped = sign_bundle(b"{}", key, lambda signature: signature)
    return json.loads(plain), json.loads(stamped)


@pytest.fixture(scope="module")
def certified(
    tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble
) -> Certified:
    return make_certified(tmp_path_factory.mktemp("certified"), sigstore_double)


@pytest.fixture(scope="module")
def keyless(certified: Certified) -> Document:
    """Of Rekor v1, with a timestamp: every field that there is."""
    document: Document = json.loads(certified.sign(GitHub(), 1).read_bytes())
    return document


def test_bundles_of_keys_fit(keyed: tuple[Document, Document]) -> None:
    for document in keyed:
        SCHEMA.validate(document)


@pytest.mark.parametrize(("rekor", "stamped"), [(1, True), (1, False), (2, True)])
def test_keyless_bundles_fit(certified: Certified, rekor: int, stamped: bool) -> None:
    path = certified.sign(GitHub(), rekor, stamped=stamped)
    SCHEMA.validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_bundles_of_the_public_services_fit(path: Path) -> None:
    SCHEMA.validate(json.loads(path.read_bytes()))


MATERIAL = "verificationMaterial"
BROKEN: dict[str, Callable[[Document], object]] = {
    "another version": lambda d: d.update(mediaType=d["mediaType"].replace("0.3", "0.2")),
    "more beside it": lambda d: d.update(verdict="pass"),
    "two signatures": lambda d: d["dsseEnvelope"].update(
        signatures=d["dsseEnvelope"]["signatures"] * 2
    ),
    "key and certificate": lambda d: d[MATERIAL].update(
        publicKey={"hint": "00"}, certificate={"rawBytes": "AA=="}
    ),
    "neither": lambda d: [d[MATERIAL].pop(name, None) for name in ("publicKey", "certificate")],
    "a chain": lambda d: d[MATERIAL].update(x509CertificateChain={"certificates": []}),
    "an empty entry": lambda d: d[MATERIAL].update(tlogEntries=[{}]),
    "no timestamps in their field": lambda d: d[MATERIAL].update(timestampVerificationData={}),
    "a timestamp that is a number": lambda d: d[MATERIAL].update(
        timestampVerificationData={"rfc3161Timestamps": [{"signedTimestamp": 1}]}
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_does_not(
    keyed: tuple[Document, Document], keyless: Document, name: str
) -> None:
    for document in (*keyed, keyless):
        broken = json.loads(json.dumps(document))
        BROKEN[name](broken)
        assert not SCHEMA.is_valid(broken)


OPTIONAL = {
    "verificationMaterial.timestampVerificationData",
    "verificationMaterial.tlogEntries.0.inclusionPromise",
    "verificationMaterial.tlogEntries.0.integratedTime",
}
"""What a log of another version, or a signer without an authority, leaves out; audit paths and
timestamps may be any number."""


def test_every_field_of_a_keyless_bundle_is_needed(keyless: Document) -> None:
    fields = {
        path: changed[0] for path, changed in leaves(keyless) if not path.split(".")[-1].isdigit()
    }
    assert {path for path, without in fields.items() if SCHEMA.is_valid(without)} == OPTIONAL


def test_a_keyless_bundle_needs_an_entry(keyless: Document) -> None:
    broken = json.loads(json.dumps(keyless))
    broken[MATERIAL]["tlogEntries"] = []
    assert not SCHEMA.is_valid(broken)
