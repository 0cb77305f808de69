"""Sign a payload, whatever it says, with a key or an identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keyless import KeylessSigned, KeylessSigning, sign_keyless
from invarlock.attest.keys import PublicKey
from invarlock.attest.signers import KeySigning, open_signer
from invarlock.attest.timestamp import request_timestamp


class SignedAs(BaseModel):
    """Whom the certificate of a keyless signature names, by whose word, and where it is logged.

    ``timestamps`` counts the timestamp authorities whose time the bundle carries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str
    issuer: str
    log_index: int
    timestamps: int


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle, and who signed it: a key's fingerprint, or whom a certificate names."""

    bundle: bytes
    key: str | None = None
    public: PublicKey | None = None
    key_made: bool = False
    keyless: SignedAs | None = None


def sign_payloads(
    payloads: Sequence[bytes],
    signer: Path | KeySigning | KeylessSigning,
    authority: str | None = None,
) -> list[Made]:
    """A bundle over each of ``payloads`` as it stands, by the private key at a path, made when
    there is none, by a key that a URI names, or by an identity.

    ``authority`` is the address of a timestamp authority for a key's signature; an identity's has
    those of its trust configuration. Raises as :func:`~invarlock.attest.signers.open_signer`,
    :func:`~invarlock.attest.timestamp.request_timestamp` and
    :func:`~invarlock.attest.keyless.sign_keyless`.
    """
    if isinstance(signer, KeylessSigning):
        return [Made(one.bundle, keyless=_signed_as(one)) for one in sign_keyless(payloads, signer)]
    stamp = None if authority is None else partial(request_timestamp, authority)
    asked = signer if isinstance(signer, KeySigning) else KeySigning(f"file:{signer}")
    key, made = open_signer(asked)
    return [
        Made(sign_bundle(payload, key, stamp), key.public.fingerprint, key.public, key_made=made)
        for payload in payloads
    ]


def _signed_as(done: KeylessSigned) -> SignedAs:
    return SignedAs(
        identity=done.identity,
        issuer=done.issuer,
        log_index=done.log_index,
        timestamps=done.timestamps,
    )
