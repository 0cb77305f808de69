"""Fulcio: a root, an intermediate that issues, and a CT log's promise in every certificate.

Extensions: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto.core import OctetString, UTF8String
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from tests.sigstore_double.faults import Faults
from tests.sigstore_double.keys import key_id, sign

_DECADE = timedelta(days=3650)
_PLAIN = {1: "iss", 2: "event_name", 3: "sha", 4: "workflow", 5: "repository", 6: "ref"}
"""Extensions of the first generation: the bare bytes of a claim."""
_NO_USAGE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def oid(number: int) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")


def usage(**allowed: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**{**_NO_USAGE, **allowed})


def name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sigstore double")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def authority(
    common: str, signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate authority and its key; a root, unless another one signs it."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, signing = (signer[0].subject, signer[1]) if signer else (name(common), key)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DECADE)
        .not_valid_after(now + _DECADE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if signer else 1), True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False
        )
    )
    return builder.sign(signing, hashes.SHA256()), key


@dataclass
class Fulcio:
    """The authority, and the log that it promises its certificates to."""

    faults: Faults
    root: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] = field(
        default_factory=lambda: authority("fulcio root")
    )
    intermediate: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] = field(init=False)
    ct_log: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        self.intermediate = authority("fulcio intermediate", self.root)

    @property
    def chain(self) -> list[x509.Certificate]:
        """What a trusted root lists: the one that issues first."""
        return [self.intermediate[0], self.root[0]]

    def issue(self, request: x509.CertificateSigningRequest, claims: dict[str, Any]) -> list[str]:
        """PEM certificates, the new one first."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate[0].subject)
            .public_key(_public(request))
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(seconds=1))
            .not_valid_after(now + self.faults.lifetime)
            .add_extension(usage(digital_signature=True), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(_public(request)), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self.intermediate[1].public_key()
                ),
                False,
            )
            .add_extension(x509.SubjectAlternativeName([_identity(claims)]), True)
        )
        for number, value in _extensions(claims).items():
            builder = builder.add_extension(x509.UnrecognizedExtension(oid(number), value), False)
        return [_pem(self._logged(builder)), *map(_pem, self.chain)]

    def _logged(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """The certificate with the CT log's promise over the rest of it (RFC 6962 section 3.2)."""
        blank = _with_sct(builder, b"").sign(self.intermediate[1], hashes.SHA256())
        issuer = key_id(self.intermediate[1])
        return _with_sct(builder, self._sct(issuer, blank.tbs_precertificate_bytes)).sign(
            self.intermediate[1], hashes.SHA256()
        )

    def _sct(self, issuer: bytes, precertificate: bytes) -> bytes:
        milliseconds = int(datetime.now(UTC).timestamp() * 1000)
        size = len(precertificate).to_bytes(3, "big")
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer + size + precertificate
        key = ec.generate_private_key(ec.SECP256R1()) if self.faults.foreign_sct else self.ct_log
        signature = sign(key, signed + b"\x00\x00")
        head = b"\x00" + key_id(self.ct_log) + struct.pack("!QH", milliseconds, 0)
        return head + b"\x04\x03" + struct.pack("!H", len(signature)) + signature


def _with_sct(builder: x509.CertificateBuilder, sct: bytes) -> x509.CertificateBuilder:
    items = struct.pack("!H", len(sct)) + sct
    value = OctetString(struct.pack("!H", len(items)) + items).dump()
    promise = x509.UnrecognizedExtension(ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, value)
    return builder.add_extension(promise, False)


def _public(request: x509.CertificateSigningRequest) -> CertificatePublicKeyTypes:
    public = request.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return public


def _identity(claims: dict[str, Any]) -> x509.GeneralName:
    if "job_workflow_ref" in claims:
        return x509.UniformResourceIdentifier(f"https://github.com/{claims['job_workflow_ref']}")
    return x509.RFC822Name(claims["email"])


def _extensions(claims: dict[str, Any]) -> dict[int, bytes]:
    found = {number: claims[key].encode() for number, key in _PLAIN.items() if key in claims}
    return found | {number: UTF8String(text).dump() for number, text in _texts(claims).items()}


def _texts(claims: dict[str, Any]) -> dict[int, str]:
    """Extensions of the second generation: DER UTF8String."""
    if "repository" not in claims:
        return {8: claims["iss"]}
    home = "https://github.com"
    repository = f"{home}/{claims['repository']}"
    run = f"{repository}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}"
    return {
        8: claims["iss"],
        9: f"{home}/{claims['job_workflow_ref']}",
        10: claims["job_workflow_sha"],
        11: claims["runner_environment"],
        12: repository,
        13: claims["sha"],
        14: claims["ref"],
        15: claims["repository_id"],
        16: f"{home}/{claims['repository_owner']}",
        17: claims["repository_owner_id"],
        18: f"{home}/{claims['workflow_ref']}",
        19: claims["workflow_sha"],
        20: claims["event_name"],
        21: run,
        22: claims["repository_visibility"],
    }


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
