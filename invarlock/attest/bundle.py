"""Sigstore bundle v0.3 around one DSSE envelope, signed with a local key.

The bundle holds a hint at the key, never the key: what verifies it comes from the consumer. The
parser takes exactly the shape written here. A bundle that carries a certificate is refused when
a key is named, for whoever confuses the two checks neither
(https://github.com/sigstore/cosign/security/advisories/GHSA-fx35-mq7g-6g98).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from invarlock.attest.dsse import PAYLOAD_TYPE, pae
from invarlock.attest.keys import PrivateKey, PublicKey
from invarlock.attest.parse import parse_model
from invarlock.canonical import Json, StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import VerificationFault

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BUNDLE: Final = 32 << 20
"""Bytes. A predicate lists every file of three folders; a million entries still fit."""
_CERTIFICATES: Final = ("certificate", "x509CertificateChain")


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PublicKeyHint(_Closed):
    """``hint`` is opaque and decides nothing."""

    hint: str = Field(max_length=1024)


class Material(_Closed):
    """Verification material of a key bundle. Log entries need a certificate's bundle."""

    publicKey: PublicKeyHint  # noqa: N815 - the field name is fixed by the Sigstore bundle
    tlogEntries: list[object] = Field(max_length=0)  # noqa: N815 - fixed by the Sigstore bundle


class Signature(_Closed):
    """One DSSE signature, standard base64."""

    sig: str
    keyid: str | None = None


class Envelope(_Closed):
    """A DSSE envelope; ``payload`` is standard base64 of the signed bytes."""

    payload: str
    payloadType: str  # noqa: N815 - the field name is fixed by DSSE
    signatures: list[Signature] = Field(min_length=1, max_length=1)


class Bundle(_Closed):
    """A Sigstore bundle with a public key hint."""

    mediaType: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]  # noqa: N815 - fixed
    verificationMaterial: Material  # noqa: N815 - fixed by the Sigstore bundle
    dsseEnvelope: Envelope  # noqa: N815 - fixed by the Sigstore bundle


@dataclass(frozen=True, slots=True)
class Signed:
    """A parsed bundle: the payload's exact bytes, and what is claimed to sign them."""

    payload: bytes
    payload_type: str
    signature: bytes


def sign_bundle(payload: bytes, key: PrivateKey) -> bytes:
    """Canonical bytes of a bundle whose signature covers ``payload`` as it stands."""
    signature = key.sign(pae(PAYLOAD_TYPE, payload))
    return canonical_bytes(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {
                "publicKey": {"hint": key.public.fingerprint.removeprefix("sha256:")},
                "tlogEntries": [],
            },
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode("ascii"),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode("ascii")}],
            },
        }
    )


def parse_bundle(data: bytes) -> Signed:
    """The parts of a key bundle, nothing yet verified.

    Raises :class:`VerificationFault`: E402 for another kind of file, E405 for a malformed one,
    E406 for one that carries a certificate.
    """
    try:
        value = strict_json(data, max_bytes=MAX_BUNDLE)
    except StrictJsonError as err:
        raise _not_a_bundle(f"not strict JSON: {err}") from err
    if not isinstance(value, dict) or not isinstance(value.get("mediaType"), str):
        raise _not_a_bundle("no `mediaType`")
    if value["mediaType"] != MEDIA_TYPE:
        raise _not_a_bundle(f"its media type is `{value['mediaType']}`")
    _refuse_certificate(value.get("verificationMaterial"))
    bundle = parse_model(Bundle, data, what="the bundle", max_bytes=MAX_BUNDLE)
    envelope = bundle.dsseEnvelope
    return Signed(
        payload=_decode(envelope.payload, "dsseEnvelope.payload"),
        payload_type=envelope.payloadType,
        signature=_decode(envelope.signatures[0].sig, "dsseEnvelope.signatures[0].sig"),
    )


def verify_signature(signed: Signed, key: PublicKey) -> bytes:
    """The payload, once ``key`` is shown to have signed it as an in-toto statement.

    Raises :class:`VerificationFault` E401 when the signature does not hold and E402 when what
    was signed is no in-toto payload.
    """
    if not key.verify(signed.signature, pae(signed.payload_type, signed.payload)):
        raise VerificationFault(
            "E401",
            f"the signature is not by the {key.type} key `{key.fingerprint}`",
            "ask for the key that signed",
        )
    if signed.payload_type != PAYLOAD_TYPE:
        raise VerificationFault(
            "E402",
            f"the payload type is `{signed.payload_type}`, not `{PAYLOAD_TYPE}`",
            "pass the bundle that `attest` wrote",
        )
    return signed.payload


def _refuse_certificate(material: Json) -> None:
    if isinstance(material, dict) and any(name in material for name in _CERTIFICATES):
        raise VerificationFault(
            "E406",
            "the bundle carries a certificate, and a key was named",
            "a certificate's bundle is verified by identity and issuer, not with --key",
        )


def _not_a_bundle(why: str) -> VerificationFault:
    return VerificationFault(
        "E402", f"not a Sigstore bundle v0.3: {why}", "pass the bundle that `attest` wrote"
    )


def _decode(text: str, where: str) -> bytes:
    """Standard base64 with no second spelling: padded, no foreign characters, no stray bits."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as err:
        raise _malformed(where) from err
    if base64.b64encode(raw).decode("ascii") != text:
        raise _malformed(where)
    return raw


def _malformed(where: str) -> VerificationFault:
    return VerificationFault(
        "E405", f"the bundle: `{where}` is not standard base64", "ask the producer"
    )
