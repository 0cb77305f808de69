"""The identity in a certificate: one name, one issuer, and a workflow only where all of it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto.core import UTF8String
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from invarlock.attest.certificate import CertificateIdentity, identity_of
from invarlock.errors import VerificationFault
from invarlock.policy.signers import WorkflowSigner
from tests.sigstore_double.fulcio import name, oid

ISSUER = "https://token.actions.githubusercontent.com"
HOME = "https://github.com/acme/models"
SIGNER = f"{HOME}/.github/workflows/release.yml@refs/tags/v1"
URI = x509.UniformResourceIdentifier(SIGNER)
Extensions = dict[int, bytes]


def certificate(names: list[x509.GeneralName], extensions: Extensions) -> x509.Certificate:
    """Signed by nobody in particular: chains are verified elsewhere."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(name("anybody"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(minutes=10))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), True)
    for number, value in extensions.items():
        builder = builder.add_extension(x509.UnrecognizedExtension(oid(number), value), False)
    return builder.sign(key, hashes.SHA256())


def utf8(text: str) -> bytes:
    return bytes(UTF8String(text).dump())


@pytest.mark.parametrize(
    "extensions",
    [{1: ISSUER.encode()}, {8: utf8(ISSUER)}, {1: ISSUER.encode(), 8: utf8(ISSUER)}],
    ids=["first generation", "second generation", "both"],
)
def test_either_generation_names_the_issuer(extensions: Extensions) -> None:
    found = identity_of(certificate([URI], extensions))
    assert (found.name, found.issuer, found.workflow) == (SIGNER, ISSUER, None)


def test_a_user_of_another_kind_is_named_by_its_text() -> None:
    user = x509.OtherName(oid(7), utf8("ada!example.com"))
    assert identity_of(certificate([user], {8: utf8(ISSUER)})).name == "ada!example.com"


@pytest.mark.parametrize(
    ("names", "extensions"),
    [
        ([], {8: utf8(ISSUER)}),
        ([URI, x509.RFC822Name("ada@example.com")], {8: utf8(ISSUER)}),
        ([x509.DNSName("example.com")], {8: utf8(ISSUER)}),
        ([URI], {}),
        ([URI], {1: b"https://accounts.example.com", 8: utf8(ISSUER)}),
        ([URI], {8: ISSUER.encode()}),
        ([URI], {8: utf8(ISSUER) + b"\0"}),
        ([URI], {1: b"\xff"}),
        ([URI], {8: utf8(ISSUER), 12: b"\x0c\x7fshort"}),
    ],
    ids=[
        "no name",
        "two names",
        "a host's name",
        "no issuer",
        "two issuers",
        "bare text for DER",
        "bytes behind the DER",
        "no text",
        "a length that is not there",
    ],
)
def test_what_fulcio_does_not_write_is_refused(
    names: list[x509.GeneralName], extensions: Extensions
) -> None:
    with pytest.raises(VerificationFault) as refused:
        identity_of(certificate(names, extensions))
    assert refused.value.code == "E405"


FOUND = CertificateIdentity(SIGNER, ISSUER, HOME, "refs/tags/v1", SIGNER, SIGNER)
PATH = "acme/models/.github/workflows/release.yml"


def test_the_workflow_is_the_one_that_signs_for_the_source() -> None:
    expected = WorkflowSigner(repository=HOME, workflow=PATH, ref="refs/tags/v1", issuer=ISSUER)
    assert FOUND.workflow == expected
    foreign = replace(FOUND, repository="https://github.com/mallory/models", ref="refs/heads/x")
    assert foreign.workflow == replace(expected, repository=foreign.repository, ref="refs/heads/x")


def test_a_ref_may_hold_an_at_sign_and_hides_no_file() -> None:
    tag = replace(FOUND, ref="refs/tags/a@b", signer=f"{HOME}/w.yml@refs/tags/a@b")
    assert tag.workflow is not None
    assert tag.workflow.workflow == "acme/models/w.yml"
    file = replace(FOUND, signer=f"https://github.com/{PATH}@evil.yml@refs/tags/v1")
    assert file.workflow is not None
    assert file.workflow.workflow == f"{PATH}@evil.yml"


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": None},
        {"ref": None},
        {"signer": None},
        {"signer": SIGNER.replace("github.com", "git.example.com")},
        {"signer": f"https://github.com.example.com/{PATH}@refs/tags/v1"},
        {"signer": f"{HOME}/no-ref.yml"},
        {"repository": "acme/models"},
    ],
)
def test_less_than_all_of_it_is_no_workflow(changes: dict[str, str | None]) -> None:
    assert replace(FOUND, **changes).workflow is None
