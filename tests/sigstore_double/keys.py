"""Keys of the double's services, and the bytes that others know them by."""

from __future__ import annotations

import base64
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Key = EllipticCurvePrivateKey | Ed25519PrivateKey


def spki(key: Key) -> bytes:
    """DER SubjectPublicKeyInfo of the public half."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Key) -> bytes:
    """sha256 of the public half: the id of a CT log (RFC 6962) and of a Rekor v1."""
    return sha256(spki(key)).digest()


def note_key_id(name: str, key: Ed25519PrivateKey) -> bytes:
    """The id of an Ed25519 key that signs notes under ``name`` (c2sp.org/signed-note)."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return sha256(name.encode() + b"\n\x01" + raw).digest()


def sign(key: Key, data: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, ECDSA(hashes.SHA256()))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
