"""What ``--key`` may name: a file, or a key in a token or a service by its signer URI.

Tokens and services are reached through securesystemslib
(https://github.com/secure-systems-lab/securesystemslib, ``Signer.from_priv_key_uri``). What comes
back is checked against the public key before it is used, so that no bundle is written that the
key's holder could not verify. Tried here with a PKCS #11 token; the services were not at hand.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from invarlock.attest.keys import (
    PrivateKey,
    PublicKey,
    Secret,
    Signer,
    load_private,
    load_public,
    new_key,
    public_key,
)
from invarlock.errors import EnvironmentFault, UsageFault

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

SCHEMES: Final[dict[str, tuple[str, ...]]] = {
    "hsm": ("pkcs11.exceptions.PKCS11Error",),
    "awskms": ("botocore.exceptions.BotoCoreError", "botocore.exceptions.ClientError"),
    "gcpkms": (
        "google.api_core.exceptions.GoogleAPIError",
        "google.auth.exceptions.GoogleAuthError",
    ),
    "azurekms": (
        "azure.core.exceptions.AzureError",
        "securesystemslib.signer._azure_signer.UnsupportedKeyType",
    ),
    "hv": ("hvac.exceptions.VaultError",),
}
"""Scheme of a signer URI → what its library raises beside ValueError and OSError."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_FILE: Final = "file"


@dataclass(frozen=True, slots=True)
class KeySigning:
    """A private key by its URI or path.

    ``public`` is the path of its public half: needed for a service, optional for a token, which
    gives it, and for a file, where it must be the file's. ``secret`` gives passphrase or PIN.
    """

    uri: str
    public: Path | None = None
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """A private key that stays in its token or service; ``uri`` says where."""

    uri: str
    public: PublicKey
    secret: Secret | None

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``, once ``public`` is shown to verify it.

        Raises :class:`UsageFault` E703 when the token or service refuses, or signs with another
        key, :class:`EnvironmentFault` E605 when its library is not installed.
        """
        with _told(self.uri):
            from securesystemslib.signer import Signer as Library

            library = Library.from_priv_key_uri(self.uri, _known(self.public), self.secret)
            signature = bytes.fromhex(library.sign(message).signature)
        if not self.public.verify(signature, message):
            raise UsageFault(
                "E703",
                f"what `{self.uri}` signed does not verify under `{self.public.fingerprint}`",
                "pass the public half of that key with --public-key",
            )
        return signature


def key_path(uri: str) -> Path | None:
    """The file that ``uri`` names, or None when it names a key in a token or service.

    ``file:`` in front is optional; a name with another known or unknown scheme is never a file.
    """
    found = _SCHEME.match(uri)
    if found is None:
        return Path(uri)
    if found[1].lower() == _FILE:
        rest = uri[found.end() :]
        return Path(rest.removeprefix("//") if rest.startswith("///") else rest)
    if found[1] in SCHEMES:
        return None
    known = ", ".join(f"`{scheme}:`" for scheme in (_FILE, *SCHEMES))
    message = f"`{found[1]}:` is no scheme of a signer that is known"
    raise UsageFault("E701", message, f"use a path or one of {known}; a file may be `file:{uri}`")


def open_signer(asked: KeySigning) -> tuple[Signer, bool]:
    """The key that is ``asked`` for, and whether it was made now (a file's only, on first use).

    Raises :class:`UsageFault` E701 or E703, :class:`EnvironmentFault` E601, E602, E603, or E605
    without the extra.
    """
    wanted = None if asked.public is None else load_public(asked.public)
    path = key_path(asked.uri)
    if path is not None:
        return _from_file(path, wanted, asked.secret)
    if wanted is None:
        wanted = _exported(asked.uri, asked.secret)
    return RemoteKey(asked.uri, wanted, asked.secret), False


def _from_file(path: Path, wanted: PublicKey | None, secret: Secret | None) -> tuple[Signer, bool]:
    made = not os.path.lexists(path)
    if made and wanted is not None:
        hint = "name the key whose public half that is"
        raise EnvironmentFault("E601", f"no key at `{path}`", hint)
    if made:
        new_key(path)
    private: PrivateKey = load_private(path, secret)
    if wanted is not None and wanted.fingerprint != private.public.fingerprint:
        message = f"the public key given is not that of `{path}`"
        raise UsageFault("E703", message, f"it is `{wanted.fingerprint}`")
    return private, made


def _exported(uri: str, secret: Secret | None) -> PublicKey:
    """The public key that the token at ``uri`` gives."""
    if not uri.startswith("hsm:"):
        message = f"`{uri}` needs its public key, to check what it signs"
        raise UsageFault("E701", message, "pass --public-key PUB")
    with _told(uri):
        from urllib.parse import parse_qsl, urlsplit

        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import HSMSigner

        parts = urlsplit(uri)
        keyid = int(parts.path) if parts.path else None
        label = dict(parse_qsl(parts.query)).get("label")
        _, found = HSMSigner.import_(keyid, label, secret)
        key = load_pem_public_key(found.keyval["public"].encode("ascii"))
    return public_key(key, uri)


def _known(public: PublicKey) -> SSlibKey:
    """``public`` as securesystemslib holds it, with the scheme that fits its kind."""
    from securesystemslib.signer import SSlibKey

    return SSlibKey.from_crypto(public.key)


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turn what a token's or service's library raises into this project's errors."""
    scheme = uri.partition(":")[0]
    try:
        import securesystemslib.signer  # noqa: F401 - whether it is there
        from securesystemslib.exceptions import UnsupportedLibraryError
    except ImportError as err:
        message = f"`{err.name}` is not installed, and `{scheme}:` needs it"
        raise EnvironmentFault("E605", message, "pip install 'invarlock[advanced]'") from err
    try:
        yield
    except UnsupportedLibraryError as err:
        extra = "invarlock[advanced]" if scheme == "hsm" else f"securesystemslib[{_EXTRA[scheme]}]"
        message = f"what `{scheme}:` needs is not installed: `{_one_line(err)}`"
        raise EnvironmentFault("E605", message, f"pip install '{extra}'") from err
    except _raised(scheme) as err:
        message = f"`{uri}` cannot sign: `{_one_line(err)}`"
        raise UsageFault("E703", message, _HINT[scheme]) from err


def _raised(scheme: str) -> tuple[type[Exception], ...]:
    """What signing may raise: the library's own, and those behind ``scheme`` that are installed."""
    from securesystemslib.exceptions import Error

    found: list[type[Exception]] = [Error, AssertionError, KeyError, ValueError, OSError]
    for name in SCHEMES[scheme]:
        module, _, kind = name.rpartition(".")
        try:
            found.append(getattr(importlib.import_module(module), kind))
        except ImportError:
            continue
    return tuple(found)


def _one_line(err: BaseException) -> str:
    """What ``err`` says; some libraries say it by the exception's name alone."""
    said = " ".join(str(err).split())
    return said if said else type(err).__name__


_EXTRA: Final = {"awskms": "awskms", "gcpkms": "gcpkms", "azurekms": "azurekms", "hv": "vault"}
_HINT: Final = {
    "hsm": "set PYKCS11LIB to the token's PKCS #11 library; the PIN is INVARLOCK_KEY_PASSPHRASE",
    "awskms": "check the key's ARN and the credentials that boto3 finds",
    "gcpkms": "check the key's version and the application default credentials",
    "azurekms": "check the vault, the key's version and the credentials",
    "hv": "check VAULT_ADDR, VAULT_TOKEN and `hv:NAME/VERSION`",
}
