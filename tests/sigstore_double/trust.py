"""What a client is told of the double: trusted root, signing configuration, and both in one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from tests.sigstore_double.fulcio import Fulcio
from tests.sigstore_double.keys import Key, b64, key_id, spki
from tests.sigstore_double.rekor import Log
from tests.sigstore_double.timestamps import TimestampAuthority

_START = (datetime.now(UTC) - timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")


def trusted_root(
    base: str, fulcio: Fulcio, logs: dict[str, Log], tsa: TimestampAuthority
) -> dict[str, Any]:
    """`TrustedRoot` 0.1; ``logs`` by their address."""
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log(url, log.key, log.log_id) for url, log in logs.items()],
        "certificateAuthorities": [_authority(base, "fulcio", fulcio.chain)],
        "ctlogs": [_log(f"{base}/ct", fulcio.ct_log, key_id(fulcio.ct_log))],
        "timestampAuthorities": [_authority(f"{base}/tsa", "tsa", tsa.chain)],
    }


def trust_config(
    base: str, root: dict[str, Any], rekor: dict[int, str], *, stamped: bool = True
) -> dict[str, Any]:
    """`ClientTrustConfig` 0.1; ``rekor`` holds the address of each version that is offered."""
    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": root,
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [_service(base)],
            "oidcUrls": [_service(f"{base}/oidc")],
            "rekorTlogUrls": [_service(url, version) for version, url in rekor.items()],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [_service(f"{base}/tsa")] if stamped else [],
            "tsaConfig": {"selector": "ANY"},
        },
    }


def _service(url: str, version: int = 1) -> dict[str, Any]:
    return {
        "url": url,
        "majorApiVersion": version,
        "validFor": {"start": _START},
        "operator": "double.example",
    }


def _log(url: str, key: Key, log_id: bytes) -> dict[str, Any]:
    details = "PKIX_ED25519" if isinstance(key, Ed25519PrivateKey) else "PKIX_ECDSA_P256_SHA_256"
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(key)),
            "keyDetails": details,
            "validFor": {"start": _START},
        },
        "logId": {"keyId": b64(log_id)},
    }


def _authority(url: str, common: str, chain: list[x509.Certificate]) -> dict[str, Any]:
    ders = [certificate.public_bytes(Encoding.DER) for certificate in chain]
    return {
        "subject": {"organization": "sigstore double", "commonName": common},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": b64(der)} for der in ders]},
        "validFor": {"start": _START},
    }
