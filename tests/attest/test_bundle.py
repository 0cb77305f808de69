"""DSSE and the Sigstore bundle: exact bytes, one shape, no second reading."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invarlock.attest.bundle import MEDIA_TYPE, parse_bundle, sign_bundle, verify_signature
from invarlock.attest.dsse import PAYLOAD_TYPE, pae
from invarlock.attest.keys import KeyType, load_private, load_public, new_key
from invarlock.errors import VerificationFault

KINDS = list(KeyType)
PAYLOAD = b'{ "spaces":  "are kept", "e":1 }'


def _signed(tmp_path: Path, kind: KeyType = KeyType.P256) -> bytes:
    new_key(tmp_path / "k", kind)
    return sign_bundle(PAYLOAD, load_private(tmp_path / "k"))


def test_pae_is_the_specifications() -> None:
    told = pae("http://example.com/HelloWorld", b"hello world")
    assert told == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_keeps_the_exact_bytes(tmp_path: Path, kind: KeyType) -> None:
    data = _signed(tmp_path, kind)
    key = load_public(tmp_path / "k.pub")
    assert verify_signature(parse_bundle(data), [key]) == key
    assert parse_bundle(data).payload == PAYLOAD


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_agrees(tmp_path: Path, kind: KeyType) -> None:
    signed = parse_bundle(_signed(tmp_path, kind))
    (tmp_path / "sig").write_bytes(signed.signature)
    openssl = shutil.which("openssl")
    assert openssl, "openssl is part of the test machine"

    def verified(message: bytes) -> bool:
        (tmp_path / "msg").write_bytes(message)
        how = ["dgst", "-sha256", "-verify", "k.pub", "-signature", "sig", "msg"]
        if kind is KeyType.ED25519:
            how = ["pkeyutl", "-verify", "-pubin", "-inkey", "k.pub", "-rawin"]
            how += ["-in", "msg", "-sigfile", "sig"]
        done = subprocess.run([openssl, *how], cwd=tmp_path, capture_output=True, check=False)
        return done.returncode == 0

    assert verified(pae(PAYLOAD_TYPE, PAYLOAD))
    assert not verified(pae(PAYLOAD_TYPE, PAYLOAD + b" "))


@pytest.mark.parametrize("kind", KINDS)
def test_another_key_of_either_kind_is_refused(tmp_path: Path, kind: KeyType) -> None:
    signed = parse_bundle(_signed(tmp_path, kind))
    for other in KINDS:
        public = new_key(tmp_path / f"other-{other}", other)
        with pytest.raises(VerificationFault) as caught:
            verify_signature(signed, [public])
        assert caught.value.code == "E401"


def _flip(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return base64.b64encode(bytes(raw)).decode()


def _material(bundle: dict[str, Any], value: object) -> None:
    bundle["verificationMaterial"] = value


def _set(bundle: dict[str, Any], path: str, value: object) -> None:
    *way, last = path.split(".")
    for name in way:
        bundle = bundle[name]
    bundle[last] = value


HINT = {"hint": "00"}
MALFORMED: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "payload": (
        "E401",
        lambda b: _set(b, "dsseEnvelope.payload", _flip(b["dsseEnvelope"]["payload"])),
    ),
    "signature": (
        "E401",
        lambda b: _set(
            b,
            "dsseEnvelope.signatures",
            [{"sig": _flip(b["dsseEnvelope"]["signatures"][0]["sig"])}],
        ),
    ),
    "payload type": ("E401", lambda b: _set(b, "dsseEnvelope.payloadType", "application/json")),
    "media type": ("E402", lambda b: _set(b, "mediaType", MEDIA_TYPE.replace("0.3", "0.2"))),
    "no media type": ("E402", lambda b: b.pop("mediaType")),
    "certificate": (
        "E406",
        lambda b: _material(b, {"certificate": {"rawBytes": ""}, "tlogEntries": []}),
    ),
    "certificate beside a key": (
        "E406",
        lambda b: _material(b, {"publicKey": HINT, "certificate": {}, "tlogEntries": []}),
    ),
    "chain": ("E406", lambda b: _material(b, {"x509CertificateChain": {}, "tlogEntries": []})),
    "unchecked log entry": (
        "E405",
        lambda b: _material(b, {"publicKey": HINT, "tlogEntries": [{}]}),
    ),
    "no log entries": ("E405", lambda b: _material(b, {"publicKey": HINT})),
    "no material": ("E405", lambda b: b.pop("verificationMaterial")),
    "no envelope": ("E405", lambda b: b.pop("dsseEnvelope")),
    "no signature": ("E405", lambda b: _set(b, "dsseEnvelope.signatures", [])),
    "two signatures": (
        "E405",
        lambda b: _set(b, "dsseEnvelope.signatures", b["dsseEnvelope"]["signatures"] * 2),
    ),
    "extra field": ("E405", lambda b: _set(b, "verdict", "pass")),
    "extra field in the envelope": ("E405", lambda b: _set(b, "dsseEnvelope.x", 1)),
    "payload is a number": ("E405", lambda b: _set(b, "dsseEnvelope.payload", 1)),
    "stray base64": (
        "E405",
        lambda b: _set(b, "dsseEnvelope.payload", b["dsseEnvelope"]["payload"] + "\n"),
    ),
    "url-safe base64": ("E405", lambda b: _set(b, "dsseEnvelope.payload", "_-_-")),
    "base64 with stray bits": ("E405", lambda b: _set(b, "dsseEnvelope.payload", "QR==")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_every_other_shape_is_refused_with_its_code(tmp_path: Path, name: str) -> None:
    code, change = MALFORMED[name]
    bundle = json.loads(_signed(tmp_path))
    change(bundle)
    with pytest.raises(VerificationFault) as caught:
        key = load_public(tmp_path / "k.pub")
        verify_signature(parse_bundle(json.dumps(bundle).encode()), [key])
    assert caught.value.code == code


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"\xff", b'{"mediaType":"a","mediaType":"b"}', b"[" * 100_000]
)
def test_what_is_no_bundle_is_called_so(data: bytes) -> None:
    with pytest.raises(VerificationFault) as caught:
        parse_bundle(data)
    assert caught.value.code == "E402"


def test_the_hint_decides_nothing(tmp_path: Path) -> None:
    bundle = json.loads(_signed(tmp_path))
    _set(bundle, "verificationMaterial.publicKey.hint", "somebody else")
    signed = parse_bundle(json.dumps(bundle).encode())
    key = load_public(tmp_path / "k.pub")
    assert verify_signature(signed, [key]) == key


def test_a_signed_payload_of_another_type_is_no_statement(tmp_path: Path) -> None:
    bundle = json.loads(_signed(tmp_path))
    private = load_private(tmp_path / "k")
    signature = private.sign(pae("text/plain", PAYLOAD))
    _set(bundle, "dsseEnvelope.payloadType", "text/plain")
    _set(bundle, "dsseEnvelope.signatures", [{"sig": base64.b64encode(signature).decode()}])
    with pytest.raises(VerificationFault, match="payload type") as caught:
        verify_signature(parse_bundle(json.dumps(bundle).encode()), [private.public])
    assert caught.value.code == "E402"
