"""Rekor v1 (`dsse/0.0.1`) and v2 (`hashedrekord/0.0.2`) over trees that others write to, too.

Every entry lands in the middle of a batch, so that its proof has hashes on both sides.
"""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.sigstore_double.faults import Faults
from tests.sigstore_double.keys import Key, b64, key_id, note_key_id, sign
from tests.sigstore_double.merkle import inclusion_proof, leaf_hash, root_hash

EARLIER = 700
"""Entries of others that a log begins with."""
BATCH = 5
"""Entries of others that are taken in with, and after, each of ours."""


class Log:
    """A tree of entries and the key that signs its size and root."""

    def __init__(self, name: str, key: Key, log_id: bytes) -> None:
        self.name = name
        self.key = key
        self.log_id = log_id
        self.lock = Lock()
        self.leaves = [leaf_hash(os.urandom(16)) for _ in range(EARLIER)]

    def add(self, body: bytes) -> dict[str, Any]:
        """Take ``body`` in. Index, size, root, hashes and checkpoint of its inclusion proof."""
        with self.lock:
            index = len(self.leaves)
            self.leaves += [leaf_hash(body), *(leaf_hash(os.urandom(16)) for _ in range(BATCH))]
            leaves = list(self.leaves)
        root = root_hash(leaves)
        return {
            "index": index,
            "size": len(leaves),
            "root": root,
            "hashes": inclusion_proof(leaves, index),
            "checkpoint": self._checkpoint(len(leaves), root),
        }

    def _checkpoint(self, size: int, root: bytes) -> str:
        """A signed note (c2sp.org/tlog-checkpoint)."""
        note = f"{self.name}\n{size}\n{b64(root)}\n"
        signature = b64(self.log_id[:4] + sign(self.key, note.encode()))
        return f"{note}\n\u2014 {self.name.split(' ')[0]} {signature}\n"


class RekorV1:
    """One tree of a log that has had others before: its indices start at ``OFFSET``."""

    OFFSET = 25_579

    def __init__(self, host: str, faults: Faults) -> None:
        self.faults = faults
        self.tree = "1193050959916656506"
        key = ec.generate_private_key(ec.SECP256R1())
        self.log = Log(f"{host} - {self.tree}", key, key_id(key))

    def create(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """The answer to ``POST /api/v1/log/entries``. Raises ValueError for another kind."""
        if proposed["kind"] != "dsse":
            raise ValueError(f"kind {proposed['kind']}")
        content = proposed["spec"]["proposedContent"]
        body = b64(rfc8785.dumps(_dsse(content["envelope"], content["verifiers"])))
        proof = self.log.add(base64.b64decode(body))
        taken_in = int((datetime.now(UTC) + self.faults.log_clock).timestamp())
        entry = {
            "body": body,
            "integratedTime": taken_in,
            "logID": self.log.log_id.hex(),
            "logIndex": self.OFFSET + proof["index"],
        }
        promise = b64(sign(self.log.key, rfc8785.dumps(entry)))
        verification = {
            "signedEntryTimestamp": promise,
            "inclusionProof": {
                "logIndex": proof["index"],
                "treeSize": proof["size"],
                "rootHash": proof["root"].hex(),
                "hashes": [item.hex() for item in proof["hashes"]],
                "checkpoint": proof["checkpoint"],
            },
        }
        uuid = f"{int(self.tree):016x}{leaf_hash(base64.b64decode(body)).hex()}"
        return {uuid: {**entry, "verification": verification}}


def _dsse(envelope: str, verifiers: list[str]) -> dict[str, Any]:
    """The entry that Rekor v1 keeps of a DSSE envelope: digests, and who verified it."""
    value = json.loads(envelope)
    payload = base64.b64decode(value["payload"])
    kind = value["payloadType"].encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    signature = value["signatures"][0]["sig"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(verifiers[0]))
    _check(certificate, signature, signed)
    return {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": _sha256(envelope.encode()),
            "payloadHash": _sha256(payload),
            "signatures": [{"signature": signature, "verifier": verifiers[0]}],
        },
    }


def _check(certificate: x509.Certificate, signature: str, signed: bytes) -> None:
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(base64.b64decode(signature), signed, ec.ECDSA(hashes.SHA256()))


def _sha256(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": sha256(data).hexdigest()}


class RekorV2:
    """A tiled log: no time of its own, and proofs in the answer."""

    def __init__(self, host: str) -> None:
        key = Ed25519PrivateKey.generate()
        self.log = Log(host, key, note_key_id(host, key))

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to ``POST /api/v2/log/entries``. Raises KeyError for another kind."""
        proposed = request["hashedRekordRequestV002"]
        body = rfc8785.dumps(
            {
                "apiVersion": "0.0.2",
                "kind": "hashedrekord",
                "spec": {
                    "hashedRekordV002": {
                        "data": {"algorithm": "SHA2_256", "digest": proposed["digest"]},
                        "signature": proposed["signature"],
                    }
                },
            }
        )
        proof = self.log.add(body)
        return {
            "logIndex": str(proof["index"]),
            "logId": {"keyId": b64(self.log.log_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "integratedTime": "0",
            "inclusionProof": {
                "logIndex": str(proof["index"]),
                "rootHash": b64(proof["root"]),
                "treeSize": str(proof["size"]),
                "hashes": [b64(item) for item in proof["hashes"]],
                "checkpoint": {"envelope": proof["checkpoint"]},
            },
            "canonicalizedBody": b64(body),
        }
