"""Whose certificate it is: the identity that Fulcio wrote into it.

Nothing here is trusted before the chain was verified. Extensions:
https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1

from invarlock.errors import VerificationFault
from invarlock.policy.signers import WorkflowSigner

_ARC: Final = "1.3.6.1.4.1.57264.1"
_ISSUER: Final = 1
_NAME: Final = 7
_ISSUER_V2: Final = 8
_SIGNER_URI: Final = 9
_REPOSITORY: Final = 12
_REF: Final = 14
_BUILD_CONFIG: Final = 18


@dataclass(frozen=True, slots=True)
class CertificateIdentity:
    """Who asked for the certificate, as Fulcio saw it in the token.

    Attributes:
        name: the one subject alternative name: an address, or the URI of the workflow that signs.
        issuer: who vouched for it: the OIDC issuer's URL.
        repository, ref: the source repository's URI and the ref that the build ran for.
        signer: URI of the workflow that signs, ``HOST/OWNER/REPO/PATH@REF``.
        build: URI of the workflow that was started, which may have called the one that signs.
    """

    name: str
    issuer: str
    repository: str | None = None
    ref: str | None = None
    signer: str | None = None
    build: str | None = None

    @property
    def workflow(self) -> WorkflowSigner | None:
        """The identity that `signature.by` is compared with; ``None`` for who is no workflow.

        Repository and ref are the source's, whoever's workflow signed. The workflow is the one
        that signed, without its host, which must be the repository's, and without its own ref.
        """
        if self.repository is None or self.ref is None or self.signer is None:
            return None
        scheme, _, rest = self.repository.partition("://")
        home = f"{scheme}://{rest.partition('/')[0]}/"
        if not self.signer.startswith(home):
            return None
        path, at, _ = self.signer.removeprefix(home).removesuffix(self.ref).rpartition("@")
        if not at:
            return None
        return WorkflowSigner(
            repository=self.repository, workflow=path, ref=self.ref, issuer=self.issuer
        )


def identity_of(certificate: x509.Certificate) -> CertificateIdentity:
    """The identity in ``certificate``, which must have one name and one issuer.

    Raises :class:`VerificationFault` E405 for a certificate that Fulcio does not write.
    """
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension) as err:
        raise _malformed("its extensions cannot be read") from err
    texts = {
        number: _text(extensions, number)
        for number in (_ISSUER_V2, _SIGNER_URI, _REPOSITORY, _REF, _BUILD_CONFIG)
    }
    return CertificateIdentity(
        name=_name(extensions),
        issuer=_issuer(extensions, texts[_ISSUER_V2]),
        repository=texts[_REPOSITORY],
        ref=texts[_REF],
        signer=texts[_SIGNER_URI],
        build=texts[_BUILD_CONFIG],
    )


def _name(extensions: x509.Extensions) -> str:
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as err:
        raise _malformed("it names nobody") from err
    match list(names):
        case [x509.RFC822Name(value=value) | x509.UniformResourceIdentifier(value=value)]:
            return value
        case [x509.OtherName(type_id=kind, value=raw)] if kind == _oid(_NAME):
            return _utf8_string(raw)
        case _:
            raise _malformed("it must name one address, URI or user")


def _issuer(extensions: x509.Extensions, second: str | None) -> str:
    """The issuer, which both generations of the extension must agree on."""
    first = _raw(extensions, _ISSUER)
    try:
        found = {first.decode("utf-8")} if first is not None else set()
    except UnicodeDecodeError as err:
        raise _malformed("its issuer is no text") from err
    found |= {second} if second is not None else set()
    if len(found) != 1:
        raise _malformed("it must name one issuer")
    return found.pop()


def _text(extensions: x509.Extensions, number: int) -> str | None:
    raw = _raw(extensions, number)
    return _utf8_string(raw) if raw is not None else None


def _utf8_string(raw: bytes) -> str:
    try:
        return asn1.decode_der(str, raw)
    except ValueError as err:
        raise _malformed("an extension is no DER UTF8String") from err


def _raw(extensions: x509.Extensions, number: int) -> bytes | None:
    try:
        value = extensions.get_extension_for_oid(_oid(number)).value
    except x509.ExtensionNotFound:
        return None
    return value.value if isinstance(value, x509.UnrecognizedExtension) else None


def _oid(number: int) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(f"{_ARC}.{number}")


def _malformed(why: str) -> VerificationFault:
    return VerificationFault("E405", f"the signing certificate: {why}", "ask the producer")
