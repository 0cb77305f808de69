"""Sigstore bundle v0.3 around one DSSE envelope, signed with a key.

The bundle holds a hint at the key, never the key: what verifies it comes from the consumer. The
parser takes exactly the shape written here, or an envelope beside a certificate. The latter is
refused when a key is to verify it, for whoever confuses the two checks neither
(https://github.com/sigstore/cosign/security/advisories/GHSA-fx35-mq7g-6g98).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from invarlock.artifacts.shown import shown
from invarlock.attest.dsse import PAYLOAD_TYPE, pae
from invarlock.attest.keys import PublicKey, Signer
from invarlock.attest.parse import foreign_names, parse_model
from invarlock.canonical import Json, StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import CODES, VerificationFault

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BUNDLE: Final = 32 << 20
"""Bytes. A predicate lists every file of three folders; a million entries still fit."""
_CERTIFICATES: Final = ("certificate", "x509CertificateChain")


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class PublicKeyHint(_Closed):
    """``hint`` is opaque and decides nothing."""

    hint: str = Field(max_length=1024)


class Timestamp(_Closed):
    """A DER `TimeStampResp` over the signature, standard base64."""

    signedTimestamp: str  # noqa: N815 - the field name is fixed by the Sigstore bundle


class Timestamps(_Closed):
    """Timestamps over the signature, each by an authority of its own."""

    rfc3161Timestamps: list[Timestamp]  # noqa: N815 - fixed by the Sigstore bundle


class Material(_Closed):
    """Verification material of a key bundle. Log entries need a certificate's bundle."""

    publicKey: PublicKeyHint  # noqa: N815 - the field name is fixed by the Sigstore bundle
    tlogEntries: list[object] = Field(max_length=0)  # noqa: N815 - fixed by the Sigstore bundle
    timestampVerificationData: Timestamps | None = None  # noqa: N815 - fixed by the bundle


class Signature(_Closed):
    """One DSSE signature, standard base64."""

    sig: str
    keyid: str | None = None


class Envelope(_Closed):
    """A DSSE envelope; ``payload`` is standard base64 of the signed bytes."""

    payload: str
    payloadType: str  # noqa: N815 - the field name is fixed by DSSE
    signatures: list[Signature] = Field(min_length=1, max_length=1)


class _Enveloped(_Closed):
    mediaType: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]  # noqa: N815 - fixed
    dsseEnvelope: Envelope  # noqa: N815 - fixed by the Sigstore bundle


class Bundle(_Enveloped):
    """A Sigstore bundle with a public key hint."""

    verificationMaterial: Material  # noqa: N815 - fixed by the Sigstore bundle


class _Certified(_Enveloped):
    """A Sigstore bundle with a certificate, whose material is for Sigstore's client to read, which
    forbids names that it does not know."""

    verificationMaterial: dict[str, Any]  # noqa: N815 - fixed by the Sigstore bundle


@dataclass(frozen=True, slots=True)
class Signed:
    """A parsed bundle: the payload's exact bytes, what is claimed to sign them, and whether that
    is by a certificate; ``data`` are the bundle's own bytes, ``stamps`` the DER timestamps of a
    key's signature."""

    payload: bytes
    payload_type: str
    signature: bytes
    certified: bool
    data: bytes
    stamps: tuple[bytes, ...] = ()


def sign_bundle(
    payload: bytes, key: Signer, stamp: Callable[[bytes], bytes] | None = None
) -> bytes:
    """Canonical bytes of a bundle whose signature covers ``payload`` as it stands.

    ``stamp`` gives a timestamp over the signature, and raises what it likes.
    """
    signature = key.sign(pae(PAYLOAD_TYPE, payload))
    stamped = {} if stamp is None else {"timestampVerificationData": _stamps(stamp(signature))}
    return canonical_bytes(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {
                "publicKey": {"hint": key.public.fingerprint.removeprefix("sha256:")},
                "tlogEntries": [],
                **stamped,
            },
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode("ascii"),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode("ascii")}],
            },
        }
    )


def parse_bundle(data: bytes) -> Signed:
    """The parts of a bundle, nothing yet verified.

    Raises :class:`VerificationFault`: E402 for another kind of file, E405 for a malformed one.
    """
    try:
        value = strict_json(data, max_bytes=MAX_BUNDLE)
    except StrictJsonError as err:
        raise _not_a_bundle(f"not strict JSON: {err}") from err
    media_type = value.get("mediaType") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(media_type, str):
        raise _not_a_bundle("no `mediaType`")
    if media_type != MEDIA_TYPE:
        raise _not_a_bundle(f"its media type is `{shown(media_type)}`")
    certified = _carries_certificate(value.get("verificationMaterial"))
    model: type[_Enveloped] = _Certified if certified else Bundle
    parsed = parse_model(model, data, what="the bundle", max_bytes=MAX_BUNDLE, read=value)
    if isinstance(parsed, _Certified):
        _check_names(parsed.verificationMaterial)
    envelope = parsed.dsseEnvelope
    return Signed(
        payload=_decode(envelope.payload, "dsseEnvelope.payload"),
        payload_type=envelope.payloadType,
        signature=_decode(envelope.signatures[0].sig, "dsseEnvelope.signatures[0].sig"),
        certified=certified,
        data=data,
        stamps=_stamps_of(parsed) if isinstance(parsed, Bundle) else (),
    )


def _stamps(stamp: bytes) -> dict[str, Json]:
    return {"rfc3161Timestamps": [{"signedTimestamp": base64.b64encode(stamp).decode("ascii")}]}


def _stamps_of(bundle: Bundle) -> tuple[bytes, ...]:
    found = bundle.verificationMaterial.timestampVerificationData
    items = [] if found is None else found.rfc3161Timestamps
    return tuple(_decode(item.signedTimestamp, "rfc3161Timestamps") for item in items)


def verify_signature(signed: Signed, keys: Sequence[PublicKey]) -> PublicKey:
    """Which of ``keys`` is shown to have signed an in-toto statement.

    Raises :class:`VerificationFault`: E406 for a bundle with a certificate, or where no key was
    named, E401 when none of the keys has signed, and E402 when what was signed is no in-toto
    payload.
    """
    if signed.certified:
        hint = "a certificate's bundle is verified by identity and issuer, not with --key"
        what = "the bundle carries a certificate, and a key was named"
        raise VerificationFault("E406", what, hint)
    if not keys:
        hint = "a key's bundle is verified with --key, not by identity and issuer"
        raise VerificationFault("E406", "the bundle carries no certificate", hint)
    message = pae(signed.payload_type, signed.payload)
    signer = next((key for key in keys if key.verify(signed.signature, message)), None)
    if signer is None:
        named = " or ".join(f"the {key.type} key `{key.fingerprint}`" for key in keys)
        what = f"the signature is not by {named}"
        raise VerificationFault("E401", what, CODES["E401"].remedy)
    check_payload_type(signed)
    return signer


def check_payload_type(signed: Signed) -> None:
    """Raise :class:`VerificationFault` E402 unless what was signed says it is in-toto."""
    if signed.payload_type != PAYLOAD_TYPE:
        raise VerificationFault(
            "E402",
            f"the payload type is `{shown(signed.payload_type)}`, not `{PAYLOAD_TYPE}`",
            "pass the bundle that `attest` wrote",
        )


def _carries_certificate(material: Json) -> bool:
    return isinstance(material, dict) and any(name in material for name in _CERTIFICATES)


def _check_names(material: dict[str, Any]) -> None:
    for name in foreign_names(material):
        what = f"the bundle: `{name[:200]}` is no name of a Sigstore bundle"
        raise VerificationFault("E405", what, "ask the producer")


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
