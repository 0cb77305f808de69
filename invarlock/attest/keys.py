"""Local keys: ECDSA on P-256 with SHA-256, and Ed25519, as PEM files.

Only these two verify alike in every implementation tried (Sigstore's JavaScript verifier takes
P-384 with SHA-256 only), so any other kind is refused by name. Private keys are PKCS #8
(RFC 5958) with mode 0600, encrypted on request, public keys SubjectPublicKeyInfo (RFC 5280).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from invarlock.artifacts.regular import open_file
from invarlock.errors import EnvironmentFault, UsageFault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives._serialization import KeySerializationEncryption
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAX_PEM: Final = 64 << 10
_MAKE: Final = "make one with `invarlock key new`"
Secret = Callable[[str], str]
"""Gives the secret that its argument names, such as ``passphrase of `key```; may ask a person."""
_HOW_GIVEN: Final = "set INVARLOCK_KEY_PASSPHRASE, or type it on a terminal"
_ASK: Final = "get the producer's public key from the producer, by a way that you trust"


class KeyType(StrEnum):
    """The kinds of key that sign and verify."""

    P256 = "p256"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that the consumer named.

    ``fingerprint`` is ``sha256:`` over its SubjectPublicKeyInfo DER: what people are shown, and
    what a ``signer`` of a policy names.
    """

    type: KeyType
    key: EllipticCurvePublicKey | Ed25519PublicKey
    fingerprint: str

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message`` (DER for P-256, raw Ed25519)."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            if isinstance(self.key, ec.EllipticCurvePublicKey):
                self.key.verify(signature, message, ec.ECDSA(SHA256()))
            else:
                self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Signer(Protocol):
    """Whatever signs: a key in a file, or one that never leaves its token or service."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``: DER for P-256, 64 raw bytes for Ed25519."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key with its public half."""

    key: EllipticCurvePrivateKey | Ed25519PrivateKey
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``: DER for P-256, 64 raw bytes for Ed25519."""
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256

        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message, ec.ECDSA(SHA256()))
        return self.key.sign(message)


def new_key(
    path: Path, key_type: KeyType = KeyType.P256, passphrase: str | None = None
) -> PublicKey:
    """Make a key pair: ``path`` (0600) and ``path.pub``; encrypted when there is a passphrase.

    A folder that is absent is made for its owner alone (0700). Raises :class:`UsageFault` E702
    when either exists and E703 for an empty passphrase, :class:`EnvironmentFault` E602 or E603
    when the folder cannot be made or written. Never overwrites, never leaves one half.
    """
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    private = (
        ec.generate_private_key(ec.SECP256R1())
        if key_type is KeyType.P256
        else ed25519.Ed25519PrivateKey.generate()
    )
    protection = ser.NoEncryption() if passphrase is None else _protection(passphrase)
    pem = private.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, protection)
    public = public_key(private.public_key(), path)
    _make_folder(path.parent)
    _write_new(path, pem, 0o600)
    try:
        _write_new(public_path(path), public_pem(public), 0o644)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return public


def public_path(path: Path) -> Path:
    """Where the public half of the key at ``path`` lies."""
    return path.with_name(path.name + ".pub")


def public_pem(public: PublicKey) -> bytes:
    """SubjectPublicKeyInfo PEM of ``public``."""
    from cryptography.hazmat.primitives import serialization as ser

    return public.key.public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)


def load_private(path: Path, secret: Secret | None = None) -> PrivateKey:
    """The private key at ``path``; ``secret`` is asked for a passphrase where it is encrypted.

    Raises E703 (exit 2), E601 or E602 (exit 6).
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    pem = _read(path, _MAKE)
    if b"PRIVATE KEY-----" not in pem:
        raise UsageFault("E703", f"`{path}` holds no private key in PEM", _MAKE)
    private = _open_private(path, pem, secret)
    if not isinstance(private, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise _unsupported(path)
    return PrivateKey(private, public_key(private.public_key(), path))


def _open_private(path: Path, pem: bytes, secret: Secret | None) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as ser

    try:
        return ser.load_pem_private_key(pem, password=None)
    except TypeError as err:  # it is encrypted
        if secret is None:
            raise UsageFault("E703", f"the key `{path}` is encrypted", _HOW_GIVEN) from err
        return _decrypted(path, pem, secret)
    except (ValueError, UnsupportedAlgorithm) as err:
        raise UsageFault("E703", f"`{path}` is no usable private key", _MAKE) from err


def _decrypted(path: Path, pem: bytes, secret: Secret) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as ser

    given = secret(f"passphrase of `{path}`")
    if not given:
        raise UsageFault("E703", f"the passphrase given for `{path}` is empty", _HOW_GIVEN)
    try:
        return ser.load_pem_private_key(pem, password=given.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm) as err:
        raise UsageFault(
            "E703", f"the passphrase does not open the key `{path}`", _HOW_GIVEN
        ) from err


def _protection(passphrase: str) -> KeySerializationEncryption:
    from cryptography.hazmat.primitives import serialization as ser

    if not passphrase:
        raise UsageFault("E703", "the passphrase for the new key is empty", _HOW_GIVEN)
    return ser.BestAvailableEncryption(passphrase.encode("utf-8"))


def load_public(path: Path) -> PublicKey:
    """The public key at ``path``. Raises E703 (exit 2), E601 or E602 (exit 6)."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as ser

    pem = _read(path, _ASK)
    if b"PRIVATE KEY-----" in pem:
        hint = f"pass the public half, `{public_path(path).name}`"
        raise UsageFault("E703", f"`{path}` is a private key", hint)
    if b"BEGIN CERTIFICATE" in pem:
        raise UsageFault("E703", f"`{path}` is a certificate", "--key takes a public key")
    try:
        public = ser.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as err:
        raise UsageFault("E703", f"`{path}` is no usable public key", _ASK) from err
    return public_key(public, path)


def public_key(key: object, path: Path | str) -> PublicKey:
    """``key`` of the library, found at ``path``. Raises E703 unless it is of a kind that signs."""
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        key_type = KeyType.P256
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key_type = KeyType.ED25519
    else:
        raise _unsupported(path)
    der = key.public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key_type, key, "sha256:" + hashlib.sha256(der).hexdigest())


def _unsupported(path: Path | str) -> UsageFault:
    return UsageFault(
        "E703", f"the key `{path}` is neither P-256 nor Ed25519", "use one of the two"
    )


def _read(path: Path, remedy: str) -> bytes:
    try:
        with open_file(path) as stream:
            data = stream.read(MAX_PEM + 1)
    except FileNotFoundError as err:
        raise EnvironmentFault("E601", f"no key at `{path}`", remedy) from err
    except PermissionError as err:
        raise EnvironmentFault("E602", f"cannot read the key `{path}`", "check its mode") from err
    except OSError as err:
        raise UsageFault("E703", f"`{path}` cannot be read as a key", "name a PEM file") from err
    if len(data) > MAX_PEM:
        raise UsageFault("E703", f"`{path}` is too large for a key", "name a PEM file")
    return data


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except PermissionError as err:
        raise EnvironmentFault("E602", f"cannot make `{folder}`", "choose another path") from err
    except OSError as err:
        raise EnvironmentFault("E603", f"cannot make `{folder}`", "choose another path") from err


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write ``data`` to a file that must not exist; on failure nothing is left behind."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as err:
        raise UsageFault("E702", f"`{path}` already exists", "choose another path") from err
    except PermissionError as err:
        raise EnvironmentFault("E602", f"cannot write `{path}`", "check the folder's mode") from err
    except OSError as err:
        raise EnvironmentFault("E603", f"cannot write `{path}`", "choose another path") from err
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException as err:
        path.unlink(missing_ok=True)
        if isinstance(err, OSError):
            raise EnvironmentFault("E603", f"cannot write `{path}`", "free space") from err
        raise
