"""Keyless signing: a certificate for a few minutes, a log entry and a timestamp for good.

The statement is signed as the bytes it is: the client library takes it whole and serialises
nothing again. What comes back is verified before anybody gets it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from invarlock.attest.dsse import PAYLOAD_TYPE
from invarlock.attest.sigstore_extra import Anyone, hush, missing_extra
from invarlock.attest.trust_root import read_document
from invarlock.canonical import canonical_bytes, strict_json
from invarlock.errors import EnvironmentFault, InternalFault, UsageFault
from invarlock.security import temporarily_allow_network

if TYPE_CHECKING:
    from sigstore.models import Bundle, ClientTrustConfig
    from sigstore.oidc import IdentityToken

_MAX_TOKEN: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class KeylessSigning:
    """How to sign.

    Attributes:
        trust_config: which Sigstore; the public one when ``None``.
        token: an identity token, or a file that holds one; when ``None``, the CI job's own, or
            one from a login in the browser.
    """

    trust_config: Path | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class KeylessSigned:
    """A bundle, who is named in its certificate, and by whose word.

    ``timestamps`` is how many timestamp authorities signed a time; ``log_index`` is the entry's.
    """

    bundle: bytes
    identity: str
    issuer: str
    log_index: int
    timestamps: int


def sign_keyless(payloads: Sequence[bytes], signing: KeylessSigning) -> list[KeylessSigned]:
    """Sign each of ``payloads``, in-toto statements, with the identity that is at hand, and with
    one certificate.

    Reaches for the network, whatever the tripwire says: the caller asked for it. Raises
    :class:`EnvironmentFault` E605 without the extra and E620 for a service that does not answer or
    refuses, :class:`UsageFault` E701 for a trust configuration and E703 for a token that cannot be
    used.
    """
    try:
        import sigstore.sign  # noqa: F401 - here or nowhere
    except ModuleNotFoundError as err:
        raise missing_extra() from err
    hush()
    with temporarily_allow_network(), _services():
        config = _trust_config(signing.trust_config)
        return _signed(payloads, config, _token(signing.token, config))


def _signed(
    payloads: Sequence[bytes], config: ClientTrustConfig, token: IdentityToken
) -> list[KeylessSigned]:
    from sigstore.dsse import Statement
    from sigstore.sign import SigningContext

    with SigningContext.from_trust_config(config).signer(token) as signer:
        bundles = [signer.sign_dsse(Statement(payload)) for payload in payloads]
    for payload, bundle in zip(payloads, bundles, strict=True):
        _check(bundle, payload, config)
    return list(map(_described, bundles))


def _described(bundle: Bundle) -> KeylessSigned:
    from invarlock.attest.certificate import identity_of

    found = identity_of(bundle.signing_certificate)
    text = bundle.to_json()
    material = json.loads(text)["verificationMaterial"]
    stamps = material.get("timestampVerificationData") or {}
    return KeylessSigned(
        bundle=canonical_bytes(strict_json(text.encode(), max_bytes=len(text) * 4)),
        identity=found.name,
        issuer=found.issuer,
        log_index=int(material["tlogEntries"][0]["logIndex"]),
        timestamps=len(stamps.get("rfc3161Timestamps") or ()),
    )


def _check(bundle: Bundle, payload: bytes, config: ClientTrustConfig) -> None:
    """The services' answers verify, and what was signed is ``payload``, byte for byte."""
    from sigstore.verify import Verifier

    kind, signed = Verifier(trusted_root=config.trusted_root).verify_dsse(bundle, Anyone())
    if (kind, signed) != (PAYLOAD_TYPE, payload):
        raise InternalFault("E901", "another statement was signed", "please report it")


def _trust_config(path: Path | None) -> ClientTrustConfig:
    from sigstore.models import ClientTrustConfig

    if path is None:
        return ClientTrustConfig.production()
    document = read_document(path)
    try:
        return ClientTrustConfig.from_json(json.dumps(document))
    except ValueError as err:
        hint = "pass a Sigstore client trust configuration, signing configuration and all"
        raise UsageFault("E701", f"`{path}` is no trust configuration", hint) from err


def _token(given: str | None, config: ClientTrustConfig) -> IdentityToken:
    """The token given, else the CI job's, else one from a login in the browser."""
    from sigstore.oidc import IdentityError, IdentityToken, Issuer, detect_credential

    try:
        raw = _given(given) if given is not None else detect_credential()
        if raw is not None:
            return IdentityToken(raw)
        return Issuer(config.signing_config.get_oidc_url()).identity_token()
    except IdentityError as err:
        message = f"no identity to sign with: `{_why(err)}`"
        hint = "allow the job an ID token for the audience `sigstore`, or pass --identity-token"
        raise UsageFault("E703", message, hint) from err


def _given(token: str) -> str:
    """The token itself, or what the file of that name holds."""
    if _looks_like_token(token):
        return token
    try:
        with Path(token).open("rb") as stream:
            return stream.read(_MAX_TOKEN).decode("ascii", "replace").strip()
    except OSError as err:
        hint = "pass a token, or a file that holds one"
        raise UsageFault("E703", "the identity token is no token and no file", hint) from err


def _looks_like_token(text: str) -> bool:
    """Three parts, of which the first is a JSON object in base64 (RFC 7519 section 3)."""
    head, *rest = text.split(".")
    try:
        return len(rest) == 2 and base64.urlsafe_b64decode(head + "==").startswith(b"{")
    except ValueError:
        return False


@contextmanager
def _services() -> Iterator[None]:
    """Whatever the services or the way to them do wrong is one error."""
    from requests import RequestException
    from sigstore._internal.fulcio import ExpiredCertificate
    from sigstore._internal.fulcio.client import FulcioClientError
    from sigstore._internal.rekor import RekorClientError
    from sigstore.errors import Error
    from sigstore.oidc import ExpiredIdentity, IssuerError

    try:
        yield
    except ExpiredIdentity as err:
        raise UsageFault("E703", "the identity token has expired", "get a new one") from err
    except (RequestException, FulcioClientError, RekorClientError, IssuerError, Error) as err:
        raise _refused(err) from err
    except (ExpiredCertificate, KeyError, ValueError) as err:
        raise _refused(err) from err


def _refused(err: Exception) -> EnvironmentFault:
    message = f"a signing service refused or did not answer: `{_why(err)}`"
    return EnvironmentFault("E620", message, "see whether the services answer, then sign again")


def _why(err: Exception) -> str:
    """The error in one line, or its name where it says nothing."""
    return " ".join(str(err).split())[:300] or type(err).__name__
