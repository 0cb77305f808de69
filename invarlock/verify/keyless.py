"""A bundle with a certificate: chain, certificate log, time, log entry, signature, and who it is.

Sigstore's client verifies, offline, under a trust root of the consumer's or the public one. What it
leaves to its callers is done here: the payload's type, the identity, and that authority and logs
were in use when they signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from invarlock.attest.bundle import Signed, check_payload_type
from invarlock.attest.sigstore_extra import Anyone, hush, missing_extra
from invarlock.attest.trust_root import TrustRoot
from invarlock.errors import CODES, VerificationFault
from invarlock.verify.result import SignedTime
from invarlock.verify.timestamps import stamped_times

if TYPE_CHECKING:
    from sigstore.models import Bundle, TrustedRoot
    from sigstore_models.bundle.v1 import VerificationMaterial

    from invarlock.attest.certificate import CertificateIdentity


@dataclass(frozen=True, slots=True)
class Keyless:
    """A keyless signature that was verified: whose, and the times that are proven."""

    identity: CertificateIdentity
    times: tuple[SignedTime, ...]


_LATEST: Final = 253_402_300_799
"""The last second of the year 9999; nobody has signed later."""


def verify_keyless(signed: Signed, root: TrustRoot) -> Keyless:
    """Who signed ``signed``, a bundle with a certificate, by the word of ``root``.

    Raises :class:`VerificationFault`: E401 for a signature that does not hold, E402 for what is no
    in-toto payload, E405 for a malformed bundle or certificate, E421 for a certificate of another
    root, E422 without a trusted time within the certificate's, E423 for a log entry that does not
    hold; :class:`EnvironmentFault` E605 without the extra.
    """
    try:
        from sigstore.models import Bundle
        from sigstore_models.bundle.v1 import Bundle as Shape
    except ModuleNotFoundError as err:
        raise missing_extra() from err
    from invarlock.attest.certificate import identity_of

    hush()
    with _faults():
        shape = Shape.from_json(signed.data)
        material = shape.verification_material
        _check_times(material)
        bundle = Bundle(shape)
        everything = root.parsed()
        _verify(bundle, everything, signed.payload)
        _check_size(material)
    times = _times(material, signed.signature, everything)
    _verify_at(bundle, root, times, signed.payload)
    check_payload_type(signed)
    return Keyless(identity_of(bundle.signing_certificate), times)


def _check_times(material: VerificationMaterial) -> None:
    """The client would make a date of any number."""
    for entry in material.tlog_entries:
        if (entry.integrated_time or 0) > _LATEST:
            raise _malformed(f"`integratedTime` {entry.integrated_time} is no time")


def _verify(bundle: Bundle, root: TrustedRoot, payload: bytes) -> None:
    from sigstore.verify import Verifier

    _, found = Verifier(trusted_root=root).verify_dsse(bundle, Anyone())
    if found != payload:
        raise _malformed("its payload reads in two ways")


def _check_size(material: VerificationMaterial) -> None:
    """The proof is for the tree whose size the log signed; the client compares the root alone."""
    for entry in material.tlog_entries:
        proof = entry.inclusion_proof
        signed_size = proof.checkpoint.envelope.split("\n")[1] if proof.checkpoint else ""
        if proof.tree_size != int(signed_size):
            what = "the bundle: the inclusion proof is for another tree than the checkpoint"
            raise VerificationFault("E423", what, CODES["E423"].remedy)


def _verify_at(
    bundle: Bundle, root: TrustRoot, times: Sequence[SignedTime], payload: bytes
) -> None:
    """Once more, with only what was in use then: the client takes what has been given up, too."""
    then = root.at(datetime.fromtimestamp(time.seconds, UTC) for time in times)
    if then is None:
        return
    try:
        with _faults():
            _verify(bundle, then, payload)
    except VerificationFault as err:
        what = "the certificate authority or a log was not in use when the bundle was signed"
        raise VerificationFault(
            "E421", what, "do not deploy; ask the producer to sign again"
        ) from err


def _times(
    material: VerificationMaterial, signature: bytes, root: TrustedRoot
) -> tuple[SignedTime, ...]:
    """The times that are proven, at least one, once the bundle was verified.

    A log's time counts where its promise, which was verified, covers it. All is read from what the
    client parsed and verified. Raises E422 where nothing is proven, as without a time nothing says
    whose word counted then.
    """
    found = [
        SignedTime(source="log", seconds=entry.integrated_time)
        for entry in material.tlog_entries
        if entry.inclusion_promise is not None and entry.integrated_time
    ]
    stamps = material.timestamp_verification_data
    items = [] if stamps is None else stamps.rfc3161_timestamps
    stamped = stamped_times([item.signed_timestamp for item in items], signature, root)
    found += [SignedTime(source="timestamp", seconds=int(time.timestamp())) for time in stamped]
    if not found:
        what = "the bundle: no time is proven at which it was signed"
        raise VerificationFault("E422", what, CODES["E422"].remedy)
    return tuple(found)


_CODES: Final = (
    ("not enough sources of verified time", "E422"),
    ("no Timestamp Authorities", "E422"),
    ("bundle must contain an inclusion promise", "E422"),
    ("invalid signing cert: expired", "E422"),
    ("too many signed timestamp", "E422"),
    ("duplicate timestamp", "E422"),
    ("failed to build timestamp certificate chain", "E421"),
    ("failed to verify SCT", "E421"),
    ("Fulcio certificates not found", "E421"),
    ("CTFE keys not found", "E421"),
    ("Key usage is not", "E421"),
    ("Extended usage does", "E421"),
    ("DSSE: invalid signature", "E401"),
    ("invalid log entry", "E423"),
    ("log entry", "E423"),
    ("transparency log entry", "E423"),
    ("trusted root contains no transparency log", "E423"),
    ("Did not find any Rekor keys", "E423"),
    ("invalid DSSE log entry", "E423"),
    ("expected SHA256 payload hash", "E423"),
    ("Unsupported DSSE log entry", "E423"),
    ("Integrated time only", "E423"),
    ("DSSE envelope must have exactly one", "E423"),
)
"""How the client's messages begin, and what they are about. They choose a code, never a verdict."""


@contextmanager
def _faults() -> Iterator[None]:
    """Whatever the client refuses, or stumbles over, as one of our codes."""
    from cryptography.x509 import ExtensionNotFound
    from sigstore.errors import Error

    try:
        yield
    except Error as err:
        raise _fault(" ".join(str(err).split())) from err
    except (ValueError, TypeError, AttributeError, LookupError, ExtensionNotFound) as err:
        raise _malformed(" ".join(str(err).split())[:300] or type(err).__name__) from err


def _fault(message: str) -> VerificationFault:
    if "not valid at validation time" in message:
        code = "E422"
    else:
        code = next((code for start, code in _CODES if message.startswith(start)), "E405")
    return VerificationFault(code, f"the bundle: {message[:300]}", CODES[code].remedy)


def _malformed(why: str) -> VerificationFault:
    return VerificationFault("E405", f"the bundle: {why}", CODES["E405"].remedy)
