"""A timestamp authority (RFC 3161): root, intermediate, and the certificate that signs times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.sigstore_double.faults import Faults
from tests.sigstore_double.fulcio import authority, name, usage
from tests.sigstore_double.keys import sign

_POLICY = "1.3.6.1.4.1.57264.2"


class TimestampAuthority:
    """It signs the time at which it saw a digest."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        root = authority("tsa root")
        intermediate = authority("tsa intermediate", root)
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name("tsa"))
            .issuer_name(intermediate[0].subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3650))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(usage(digital_signature=True), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(intermediate[1].public_key()),
                False,
            )
            .sign(intermediate[1], hashes.SHA256())
        )
        self.chain = [self.certificate, intermediate[0], root[0]]
        self.serial = 1000

    def answer(self, query: bytes) -> bytes:
        """The DER answer to a DER query."""
        request = tsp.TimeStampReq.load(query)
        self.serial += 1
        info = {
            "version": "v1",
            "policy": _POLICY,
            "message_imprint": request["message_imprint"],
            "serial_number": self.serial,
            "gen_time": (datetime.now(UTC) + self.faults.tsa_clock).replace(microsecond=0),
        }
        if request["nonce"].native is not None:
            info["nonce"] = request["nonce"].native
        content = tsp.TSTInfo(info).dump()
        token = cms.ContentInfo({"content_type": "signed_data", "content": self._signed(content)})
        return bytes(
            tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump()
        )

    def _signed(self, content: bytes) -> cms.SignedData:
        certificate = asn1_x509.Certificate.load(self.certificate.public_bytes(Encoding.DER))
        attributes = self._attributes(content, certificate)
        sha = algos.DigestAlgorithm({"algorithm": "sha256"})
        return cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [sha],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": cms.ParsableOctetString(content),
                },
                "certificates": [certificate],
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": cms.IssuerAndSerialNumber(
                            {
                                "issuer": certificate.issuer,
                                "serial_number": certificate.serial_number,
                            }
                        ),
                        "digest_algorithm": sha,
                        "signed_attrs": attributes,
                        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                        "signature": sign(self.key, attributes.untag().dump()),
                    }
                ],
            }
        )

    def _attributes(self, content: bytes, certificate: asn1_x509.Certificate) -> cms.CMSAttributes:
        identifier = tsp.ESSCertIDv2({"cert_hash": sha256(certificate.dump()).digest()})
        return cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [sha256(content).digest()]},
                {
                    "type": "signing_certificate_v2",
                    "values": [tsp.SigningCertificateV2({"certs": [identifier]})],
                },
            ]
        )
