"""Ask a timestamp authority for the time of a signature (RFC 3161, over HTTP as section 3.4 says).

What the authority answers is checked here as far as it can be without its certificates: it is about
this signature and this request. Whether it counts is for who verifies to say, whose trust root must
know the authority.
"""

from __future__ import annotations

from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from invarlock.attest.sigstore_extra import missing_extra
from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.security import temporarily_allow_network

_SECONDS: Final = 30
_CHUNK: Final = 1 << 16
_CHUNKS: Final = 64
"""More than any authority has to say."""


def request_timestamp(url: str, signature: bytes) -> bytes:
    """The DER `TimeStampResp` of the authority at ``url`` over ``signature``.

    Reaches for the network, whatever the tripwire says: the caller asked for it. Raises
    :class:`UsageFault` E701 for what is no address, :class:`EnvironmentFault` E605 without the
    extra and E620 for an authority that does not answer, or refuses.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        hint = "pass the authority's http or https address"
        raise UsageFault("E701", f"--timestamp-authority `{url[:80]}` is no address", hint)
    try:
        from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response
        from rfc3161_client.base import HashAlgorithm
    except ModuleNotFoundError as err:
        raise missing_extra() from err
    builder = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA256).data(signature)
    request = builder.nonce(nonce=True).build()
    answer = _post(url, request.as_bytes())
    try:
        found = decode_timestamp_response(answer)
        info = found.tst_info
        fits = (
            info.nonce == request.nonce
            and info.message_imprint.message == request.message_imprint.message
        )
    except ValueError as err:
        raise _refused(url, "its answer is no timestamp") from err
    if found.status != 0 or not fits:
        raise _refused(url, "its answer is to something else")
    return answer


def _post(url: str, query: bytes) -> bytes:
    from requests import RequestException, post

    headers = {"Content-Type": "application/timestamp-query"}
    try:
        with (
            temporarily_allow_network(),
            post(url, data=query, headers=headers, timeout=_SECONDS, stream=True) as response,
        ):
            response.raise_for_status()
            return b"".join(islice(response.iter_content(_CHUNK), _CHUNKS))
    except RequestException as err:
        raise _refused(url, " ".join(str(err).split())[:200]) from err


def _refused(url: str, why: str) -> EnvironmentFault:
    message = f"the timestamp authority `{url}` gave no timestamp: {why}"
    return EnvironmentFault("E620", message, "sign again once it answers")
