"""Times that a timestamp authority of the consumer's trust root signed (RFC 3161).

What is stamped is the signature, so the signature existed by then. A timestamp by another
authority, or over something else, proves nothing and is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from invarlock.errors import VerificationFault

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse
    from sigstore._internal.trust import CertificateAuthority
    from sigstore.models import TrustedRoot

MAX_STAMPS: Final = 32
"""As many as other verifiers take."""


def stamped_times(stamps: Sequence[bytes], signature: bytes, root: TrustedRoot) -> list[datetime]:
    """The times, in UTC, that authorities of ``root`` signed over ``signature``.

    ``stamps`` are DER `TimeStampResp`. Raises :class:`VerificationFault` E405 for more of them than
    anybody needs, or one that is none.
    """
    from rfc3161_client import decode_timestamp_response

    if len(stamps) > MAX_STAMPS:
        raise _malformed(f"{len(stamps)} timestamps, more than {MAX_STAMPS}")
    try:
        responses = [decode_timestamp_response(stamp) for stamp in stamps]
    except ValueError as err:
        raise _malformed("a timestamp is no RFC 3161 response") from err
    authorities = root.get_timestamp_authorities()
    return [
        response.tst_info.gen_time.astimezone(UTC)
        for response in responses
        if any(_stamped(response, signature, authority) for authority in authorities)
    ]


def _stamped(
    response: TimeStampResponse, signature: bytes, authority: CertificateAuthority
) -> bool:
    """Whether ``authority``, leaf first and root last, was in use and signed the time."""
    from rfc3161_client import VerificationError, VerifierBuilder

    leaf, *between = authority.certificates(allow_expired=True)
    if not between:
        return False
    builder = VerifierBuilder().tsa_certificate(leaf).add_root_certificate(between[-1])
    for certificate in between[:-1]:
        builder = builder.add_intermediate_certificate(certificate)
    try:
        builder.build().verify_message(response, signature)
    except VerificationError:
        return False
    time, end = response.tst_info.gen_time, authority.validity_period_end
    return authority.validity_period_start <= time and (end is None or time <= end)


def _malformed(why: str) -> VerificationFault:
    return VerificationFault("E405", f"the bundle: {why}", "ask the producer")
