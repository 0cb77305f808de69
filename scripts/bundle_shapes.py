"""What an attestation's file holds, as models: a key's bundle as its parser has it, or a keyless
one.

A keyless bundle is read by Sigstore's own client; these models only describe what it takes, so that
a chain of certificates, which version 0.3 has given up, is not in them. Source:
https://github.com/sigstore/protobuf-specs, `sigstore_bundle.proto`, `sigstore_rekor.proto` and
`sigstore_common.proto`, in protobuf's JSON: bytes are base64, 64-bit integers are decimal text.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from invarlock.attest.bundle import Bundle, Envelope, Timestamp

Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
Unsigned = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,19})$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Certificate(_Closed):
    """An X.509 certificate in DER."""

    raw_bytes: Base64


class LogId(_Closed):
    """The SHA-256 of the log's key."""

    key_id: Base64


class KindVersion(_Closed):
    """What kind of entry: `dsse` 0.0.1 of Rekor v1, or `hashedrekord` 0.0.2 of Rekor v2."""

    kind: str
    version: str


class InclusionPromise(_Closed):
    """The log's signature over entry and time: Rekor v1 alone gives one."""

    signed_entry_timestamp: Base64


class Checkpoint(_Closed):
    """A signed note over the tree's size and root."""

    envelope: str


class InclusionProof(_Closed):
    """An audit path of RFC 6962 from the entry to the root that the checkpoint signs."""

    log_index: Unsigned
    root_hash: Base64
    tree_size: Unsigned
    hashes: list[Base64]
    checkpoint: Checkpoint


class LogEntry(_Closed):
    """An entry in a transparency log. The time, in seconds since 1970 UTC, counts with a promise
    alone."""

    log_index: Unsigned
    log_id: LogId
    kind_version: KindVersion
    integrated_time: Unsigned | None = None
    inclusion_promise: InclusionPromise | None = None
    inclusion_proof: InclusionProof
    canonicalized_body: Base64


class KeylessTimestamps(_Closed):
    """Timestamps of RFC 3161 over the signature."""

    rfc3161_timestamps: list[Timestamp]


class KeylessMaterial(_Closed):
    """Verification material of a keyless bundle."""

    certificate: Certificate
    tlog_entries: list[LogEntry] = Field(min_length=1)
    timestamp_verification_data: KeylessTimestamps | None = None


class KeylessBundle(_Closed):
    """A Sigstore bundle with a certificate."""

    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    dsse_envelope: Envelope
    verification_material: KeylessMaterial


AnyBundle = Bundle | KeylessBundle
"""Told apart by their material: a public key's hint, or a certificate."""
