"""DSSE: the signature covers the pre-authentication encoding of type and payload.

Source: https://github.com/secure-systems-lab/dsse, protocol and envelope, v1.0.2.
"""

from __future__ import annotations

from typing import Final

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


def pae(payload_type: str, payload: bytes) -> bytes:
    """``DSSEv1 SP LEN(type) SP type SP LEN(body) SP body``, lengths in bytes as decimal."""
    kind = payload_type.encode("utf-8")
    return b" ".join((b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload))
